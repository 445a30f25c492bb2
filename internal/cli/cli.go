// Package cli is the command line, one file for each command. It speaks to a server through the public client alone; up,
// and run where no server is up, start one from app.
//
// How it speaks:
//   - Results go to standard output, and nothing else does: what a script reads does not change with what a person is told.
//   - Progress, notes and errors go to standard error. On a terminal progress is drawn in place; elsewhere it is one line
//     for each thing that happened.
//   - The last line of an error says what to do.
//   - Colours are for terminals, and not where NO_COLOR is set.
//   - Exit status: 0 success; 1 the thing failed; 2 the command was used wrongly; 130 interrupted.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/app"
)

// Process is everything that a command meets of the world.
type Process struct {
	Version string
	Args    []string // without the program's name
	Env     []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Screen is the number of columns and lines of the terminal that Stderr is; 0 where it is none.
	Screen func() (columns, lines int)
	Now    func() time.Time
	// Signals brings SIGINT, SIGTERM and SIGHUP.
	Signals <-chan os.Signal
}

// OS is the process as the operating system gives it.
func OS() Process {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	return Process{
		Args: os.Args[1:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Now: time.Now, Signals: signals,
		Screen: func() (int, int) {
			columns, lines, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 0, 0
			}
			return columns, lines
		},
	}
}

// The exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// Main runs one command and returns its exit status.
func Main(p Process) int {
	c := &command{Process: p}
	root := c.root()
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	return c.report(err)
}

// command is what all commands share.
type command struct {
	Process
	server string // --server
	output string // -o
	inside bool   // the server that is spoken to ends with this command
}

// status is an error that was told already, or a usage error: it carries the exit status.
type status struct {
	code int
	err  error // nil: told already
}

func (s *status) Error() string {
	if s.err == nil {
		return fmt.Sprintf("exit status %d", s.code)
	}
	return s.err.Error()
}

func (s *status) Unwrap() error { return s.err }

func usage(format string, args ...any) error {
	return &status{exitUsage, fmt.Errorf(format, args...)}
}

// remedied is an error with what to do about it.
type remedied struct {
	err    error
	remedy string
}

func (r *remedied) Error() string { return r.err.Error() }
func (r *remedied) Unwrap() error { return r.err }

func remedy(what string, err error) error { return &remedied{err, what} }

// report tells an error, the remedy last, and gives the exit status.
func (c *command) report(err error) int {
	s := (*status)(nil)
	code := exitFailed
	if errors.As(err, &s) {
		code = s.code
		if s.err == nil {
			return code
		}
	}
	fmt.Fprintf(c.Stderr, "tutti: %v\n", err)
	r := (*remedied)(nil)
	p := (*client.Problem)(nil)
	switch {
	case errors.As(err, &r):
		fmt.Fprintln(c.Stderr, r.remedy)
	case errors.As(err, &p) && p.Remedy != "":
		fmt.Fprintln(c.Stderr, p.Remedy)
	case errors.Is(err, client.ErrUnreachable):
		fmt.Fprintln(c.Stderr, "Start a server with 'tutti up', or name one with --server URL or TUTTI_SERVER.")
	case code == exitUsage:
		fmt.Fprintln(c.Stderr, "See 'tutti help' and 'tutti help COMMAND'.")
	}
	return code
}

// note tells a person something.
func (c *command) note(format string, args ...any) {
	fmt.Fprintf(c.Stderr, format+"\n", args...)
}

func (c *command) getenv(name string) string {
	for i := len(c.Env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(c.Env[i], name+"="); ok {
			return v
		}
	}
	return ""
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "tutti",
		Short:         "Run machine-learning workflows and jobs on this machine",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &status{exitUsage, err} })
	f := root.PersistentFlags()
	f.StringVar(&c.server, "server", c.getenv("TUTTI_SERVER"), "the server's `URL` (or TUTTI_SERVER); by default the one on this machine's data directory")
	f.StringVarP(&c.output, "output", "o", "table", "`format` of results: table, json or yaml")
	root.AddCommand(
		c.cmdUp(), c.cmdRun(), c.cmdApply(), c.cmdGet(), c.cmdDescribe(), c.cmdLogs(), c.cmdStop(), c.cmdRedrive(), c.cmdSuspend(), c.cmdResume(),
		c.cmdDelete(), c.cmdValidate(), c.cmdTest(),
		c.cmdDoctor(), c.cmdBackup(), c.cmdRestore(), c.cmdDebug(), c.cmdToken(), c.cmdVersion(), c.cmdRunner(),
	)
	return root
}

// client connects to the server that was named, or the one that uses the default data directory.
func (c *command) client() (*client.Client, error) {
	address := c.server
	if address == "" {
		address = "unix://" + app.Socket(app.DefaultData(c.Env))
	}
	cl, err := client.New(client.Options{Server: address, Token: c.getenv("TUTTI_TOKEN")})
	if err != nil {
		return nil, &status{exitUsage, err}
	}
	return cl, nil
}

// exactly refuses any other number of arguments. what names them.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// between refuses fewer or more arguments.
func between(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usage("%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

// interruptible returns a context that is done at the first signal to end.
func (c *command) interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for {
			select {
			case s := <-c.Signals:
				if s != syscall.SIGHUP {
					cancel()
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, cancel
}
