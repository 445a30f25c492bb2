package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tutti-ml/tutti/internal/app"
)

// server is a whole server in a process of its own, whose processor time can be told from its clients'.
type server struct {
	cmd  *exec.Cmd
	addr string
}

// serve begins a server on an empty directory.
func serve(ctx context.Context, dir string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.CommandContext(ctx, self, "server", dir)}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("waiting for the server: %w", err)
	}
	s.addr = strings.TrimPrefix(strings.TrimSpace(line), "http://")
	return s, nil
}

func (s *server) close() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// kill ends a server that close has not.
func (s *server) kill() {
	if s.cmd.ProcessState == nil {
		_ = s.close() // the bench failed already
	}
}

// runServer is the server's process: it says where it listens, and runs until it is told to stop.
func runServer(dir string) error {
	conf := app.DefaultConfig(os.Environ())
	conf.Listen, conf.Data, conf.AllowRoot, conf.Log.Level = "127.0.0.1:0", dir, true, "error"
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	a, err := app.Open(ctx, conf, app.Options{Log: os.Stderr, Version: "bench"})
	if err != nil {
		return err
	}
	fmt.Println(a.URL())
	return a.Run(ctx)
}

// processTimes is the processor time, user and system, that a process and the children it has waited for have used.
func processTimes(pid int) (own, children time.Duration, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	const tick = 10 * time.Millisecond // USER_HZ
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var sums [2]time.Duration
	for i, text := range fields[11:15] { // utime, stime, cutime, cstime: see proc_pid_stat(5)
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		sums[i/2] += time.Duration(n) * tick
	}
	return sums[0], sums[1], nil
}

// conn is a keep-alive connection that asks for one thing after another, and costs next to nothing.
type conn struct {
	net.Conn
	in      *bufio.Reader
	request []byte
	body    []byte
}

func (s *server) dial() (*conn, error) {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, in: bufio.NewReaderSize(c, 64<<10)}, nil
}

// call asks for an action of Step Functions. The answer is good until the next call.
func (c *conn) call(action, body string) ([]byte, error) {
	c.request = fmt.Appendf(c.request[:0], "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"X-Amz-Target: AWSStepFunctions.%s\r\nContent-Length: %d\r\n\r\n%s", action, len(body), body)
	if _, err := c.Write(c.request); err != nil {
		return nil, err
	}
	status, size, chunked := "", 0, false
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if status == "" {
			status = line
		}
		if n, is := strings.CutPrefix(line, "Content-Length: "); is {
			if size, err = strconv.Atoi(n); err != nil {
				return nil, err
			}
		}
		chunked = chunked || line == "Transfer-Encoding: chunked"
	}
	c.body = c.body[:0]
	for more := true; more; {
		if chunked {
			line, err := c.in.ReadString('\n')
			if err != nil {
				return nil, err
			}
			n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
			if err != nil {
				return nil, err
			}
			size = int(n)
		}
		more = chunked && size > 0
		from := len(c.body)
		c.body = append(c.body, make([]byte, size)...)
		if _, err := io.ReadFull(c.in, c.body[from:]); err != nil {
			return nil, err
		}
		if chunked {
			if _, err := c.in.Discard(len("\r\n")); err != nil {
				return nil, err
			}
		}
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200") {
		return nil, fmt.Errorf("%s: %s: %s", action, status, c.body)
	}
	return c.body, nil
}

// machine makes a state machine of a type and gives its ARN.
func (c *conn) machine(name, kind, definition string) (string, error) {
	text, err := json.Marshal(map[string]string{"name": name, "type": kind, "definition": definition, "roleArn": "arn:aws:iam::000000000000:role/bench"})
	if err != nil {
		return "", err
	}
	out, err := c.call("CreateStateMachine", string(text))
	if err != nil {
		return "", err
	}
	var made struct{ StateMachineArn string }
	if err := json.Unmarshal(out, &made); err != nil {
		return "", err
	}
	if made.StateMachineArn == "" {
		return "", errors.New("the state machine has no ARN")
	}
	return made.StateMachineArn, nil
}
