package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// exec runs a function's program: the payload is its standard input, the JSON that it writes its result. It sees no
// variables of the server's. When its time is over, or the run has lost interest, its process group is killed.
func (d *Deps) exec(ctx context.Context, f catalog.Function, t kernel.Task, payload value.Value) run.Outcome {
	cmd := exec.CommandContext(ctx, f.Command[0], f.Command[1:]...)
	cmd.Dir = f.Dir
	cmd.Env = append(append([]string{}, d.Environ...), f.Env...)
	cmd.Env = append(cmd.Env, "AWS_LAMBDA_FUNCTION_NAME="+f.Name, "TUTTI_TASK="+t.Key, "TUTTI_OWNER="+t.Run.Owner)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second // for children that left the group and hold our pipes
	cmd.Stdin = bytes.NewReader(payload.AppendJSON(nil))
	out, notes := &bounded{most: maxResult}, &bounded{most: 64 << 10, last: true}
	cmd.Stdout, cmd.Stderr = out, notes
	err := cmd.Run()
	exit := (*exec.ExitError)(nil)
	switch {
	case out.over:
		return functionError(errNoResult, fmt.Sprintf("the result is longer than %d bytes", maxResult))
	case err == nil:
		return readResult(out.buf.Bytes(), errNoResult)
	case errors.As(err, &exit):
		return exitError(exit, out.buf.Bytes(), notes.buf.String())
	}
	return functionError(errFunctionEnd, fmt.Sprintf("the program of function %q could not be run: %v", f.Name, err))
}

// exitError is what a program that ended badly says: a JSON error on its output or as the last line of its notes, or else
// those notes.
func exitError(exit *exec.ExitError, out []byte, notes string) run.Outcome {
	lines := strings.Split(strings.TrimSpace(notes), "\n")
	for _, text := range [][]byte{out, []byte(lines[len(lines)-1])} {
		if v, err := value.Parse(bytes.TrimSpace(text)); err == nil {
			if o, ok := ownError(v); ok {
				return o
			}
		}
	}
	message := exit.Error()
	if last := lines[len(lines)-1]; last != "" {
		message += ": " + last
	}
	return functionError(errFunctionEnd, message)
}

// readResult reads a result; no text at all is null.
func readResult(text []byte, fault string) run.Outcome {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return run.Done(value.NullValue)
	}
	v, err := value.Parse(text)
	if err != nil {
		return functionError(fault, "the result is not JSON: "+err.Error())
	}
	return run.Done(v)
}

// bounded keeps the first or the last bytes of what is written to it.
type bounded struct {
	buf  bytes.Buffer // not embedded: its ReadFrom would take everything
	most int
	last bool // keep the last bytes
	over bool
}

// Write implements io.Writer. It takes everything, so that the program does not block.
func (b *bounded) Write(p []byte) (int, error) {
	n := len(p)
	if b.last {
		b.buf.Write(p)
		if b.buf.Len() > b.most {
			b.buf.Next(b.buf.Len() - b.most)
		}
		return n, nil
	}
	if room := b.most - b.buf.Len(); n > room {
		b.over = true
		p = p[:room]
	}
	b.buf.Write(p)
	return n, nil
}
