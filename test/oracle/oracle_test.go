//go:build oracle

// Package oracle holds our interpreters against the implementations that define their languages: jsonata.js for JSONata,
// and Jayway's JsonPath for JSONPath. Expressions are made from a seed; -seed and -cases choose others and more.
package oracle

import (
	"bufio"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/value"
)

var (
	seed  = flag.Uint64("seed", 1, "of the expressions")
	cases = flag.Int("cases", 20_000, "expressions of each language")
)

// oracle is a child process that answers a line of JSON for a line of JSON. One that takes too long is replaced.
type oracle struct {
	command []string
	process *exec.Cmd
	in      io.WriteCloser
	answers chan []byte
}

func start(t *testing.T, command ...string) *oracle {
	t.Helper()
	o := &oracle{command: command}
	o.launch(t)
	t.Cleanup(func() { o.stop() })
	return o
}

func (o *oracle) launch(t *testing.T) {
	t.Helper()
	o.process = exec.Command(o.command[0], o.command[1:]...)
	o.process.Stderr = os.Stderr
	in, err := o.process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.process.Start(); err != nil {
		t.Fatalf("%v: make test-oracle installs what is needed", err)
	}
	o.in, o.answers = in, make(chan []byte)
	go func() {
		defer close(o.answers)
		for r := bufio.NewReaderSize(out, 1<<20); ; {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			o.answers <- line
		}
	}()
}

func (o *oracle) stop() {
	o.in.Close()
	o.process.Process.Kill()
	for range o.answers {
	}
	o.process.Wait()
}

// ask is false where the reference implementation did not come to an end.
func (o *oracle) ask(t *testing.T, q value.Value) (answer value.Value, ok bool) {
	t.Helper()
	if _, err := io.WriteString(o.in, q.JSON()+"\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case line, ok := <-o.answers:
		if !ok {
			t.Fatalf("the reference implementation died of %s", q)
		}
		v, err := value.Parse(line)
		if err != nil {
			t.Fatalf("%s was answered with %s: %v", q, line, err)
		}
		return v, true
	case <-time.After(patience):
		o.stop()
		o.launch(t)
		return value.Value{}, false
	}
}

// patience is far more than an expression takes that ends.
const patience = 5 * time.Second

// startJSONata runs jsonata.js from the folder that scripts/setup made.
func startJSONata(t *testing.T) *oracle {
	t.Helper()
	modules, err := filepath.Abs("../../build/oracle")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, "node", "jsonata.mjs", modules)
}
