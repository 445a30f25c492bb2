package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/app"
)

func (c *command) cmdRun() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a state machine file to its end, and print its output",
		Long: "Run a state machine file to its end, and print its output; or, with --machine, one that was applied.\n" +
			"Where no server is up, one is started for as long as the run takes.",
		Example: "  tutti run train.asl.json -p numEpochs=3\n  tutti run train.asl.json --input @input.json --detach",
		Args:    between(0, 1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			start, err := c.startRequest(args, o)
			if err != nil {
				return err
			}
			cl, stop, err := c.clientOrServer(cmd.Context(), o.detach)
			if err != nil {
				return err
			}
			defer stop()
			err = c.run(cmd.Context(), cl, start, o.detach)
			if len(args) == 1 {
				nameFile(err, args[0])
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.input, "input", "i", "", "input as `JSON`, @FILE or @- for standard input")
	f.StringArrayVarP(&o.parameters, "param", "p", nil, "set `key=value` in the input; the value is JSON, or else a text")
	f.StringVar(&o.name, "name", "", "name of the run")
	f.StringVar(&o.machine, "machine", "", "name of an applied state machine, in place of a file")
	f.StringArrayVarP(&o.labels, "label", "l", nil, "a label, `key=value`")
	f.BoolVarP(&o.detach, "detach", "d", false, "print the run's id and leave it to the server")
	return cmd
}

// nameFile says in the faults of a definition, where err has some, which file they are in.
func nameFile(err error, file string) {
	p := (*client.Problem)(nil)
	if !errors.As(err, &p) {
		return
	}
	for i := range p.Faults {
		if p.Faults[i].Line > 0 {
			p.Faults[i].File = file
		}
	}
}

type runOptions struct {
	input, name, machine string
	parameters, labels   []string
	detach               bool
}

func (c *command) startRequest(args []string, o runOptions) (client.StartRun, error) {
	s := client.StartRun{Name: o.name, Machine: o.machine}
	if (len(args) == 1) == (o.machine != "") {
		return s, usage("give a file, or --machine NAME")
	}
	if len(args) == 1 {
		files, err := c.readFiles(args[0])
		if errors.Is(err, os.ErrNotExist) && filepath.Ext(args[0]) == "" {
			return s, remedy("Name a file, or - for standard input; what was applied is run with --machine "+args[0]+".", err)
		}
		if err != nil {
			return s, err
		}
		if len(files) != 1 {
			return s, usage("%s is a directory: give one file", args[0])
		}
		if strings.TrimSpace(files[0].Text) == "" {
			return s, remedy("Give the text of a state machine: an object with StartAt and States.", fmt.Errorf("%s is empty", args[0]))
		}
		s.Definition = files[0].Text
		s.Prefix = prefixOf(files[0].Name)
	}
	for _, l := range o.labels {
		k, v, ok := strings.Cut(l, "=")
		if !ok {
			return s, usage("--label %q: write it as key=value", l)
		}
		if s.Labels == nil {
			s.Labels = map[string]string{}
		}
		s.Labels[k] = v
	}
	input, err := c.input(o.input, o.parameters)
	s.Input = input
	return s, err
}

// prefixOf makes a name of a file's: what comes before the first dot, less what names cannot have.
func prefixOf(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
	return name[:min(len(name), 60)]
}

// input puts the input together. Its members keep the order in which they were written.
func (c *command) input(text string, parameters []string) (json.RawMessage, error) {
	if path, ok := strings.CutPrefix(text, "@"); ok {
		files, err := c.readFiles(path)
		if err != nil {
			return nil, err
		}
		if len(files) != 1 {
			return nil, usage("--input %s: give one file", text)
		}
		text = files[0].Text
	}
	if text == "" {
		text = "{}"
	}
	if err := json.Unmarshal([]byte(text), new(json.RawMessage)); err != nil {
		return nil, usage("--input is not JSON: %v", err)
	}
	for _, p := range parameters {
		key, v, ok := strings.Cut(p, "=")
		if !ok || key == "" {
			return nil, usage("-p %q: write it as key=value", p)
		}
		if !json.Valid([]byte(v)) {
			quoted, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			v = string(quoted)
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		body, ok := strings.CutSuffix(strings.TrimSpace(text), "}")
		if !ok {
			return nil, usage("-p needs an input that is an object")
		}
		if strings.TrimSpace(body) != "{" {
			body += ","
		}
		// A name that is there already is set anew: of two, the last counts.
		text = body + string(name) + ":" + v + "}"
	}
	return json.RawMessage(text), nil
}

// clientOrServer connects to the server that was named or is up; where none is, it starts one inside.
func (c *command) clientOrServer(ctx context.Context, detach bool) (*client.Client, func(), error) {
	cl, err := c.client()
	if err != nil {
		return nil, nil, err
	}
	_, err = cl.Version(ctx)
	if err == nil || c.server != "" || !errors.Is(err, client.ErrUnreachable) {
		return cl, func() {}, err
	}
	if detach {
		return nil, nil, remedy("Start a server with 'tutti up', or leave out --detach.", errors.New("no server is up that the run could be left to"))
	}
	conf, err := app.LoadConfig("", c.Env)
	if err != nil {
		return nil, nil, &status{exitUsage, err}
	}
	conf.Listen = "127.0.0.1:0"
	conf.Log.Level = "warn"
	a, err := app.Open(ctx, conf, app.Options{Log: c.Stderr, Version: c.Version})
	if err != nil {
		return nil, nil, err
	}
	c.inside = true
	c.note("No server is up: started one for this run, on %s.", conf.Data)
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return cl, func() {
		stop()
		if err := <-done; err != nil {
			c.note("The server inside failed: %v", err)
		}
	}, nil
}

func (c *command) run(ctx context.Context, cl *client.Client, start client.StartRun, detach bool) error {
	r, err := cl.Start(ctx, start)
	if err != nil {
		return err
	}
	if detach {
		c.note("Started %s %s; look at it with 'tutti describe %s'.", runID(r.ID), r.Name, runID(r.ID))
		fmt.Fprintln(c.Stdout, runID(r.ID))
		return nil
	}
	id := runID(r.ID)
	c.note("Run %s %s", id, r.Name)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := c.watcher(r)
	cancelled := c.cancelOnInterrupt(ctx, cl, r, w.say, stop)
	r, err = w.follow(ctx, cl)
	if ctx.Err() != nil {
		c.note("Left run %s to itself.", id)
		return &status{code: exitInterrupted}
	}
	if err != nil {
		return err
	}
	if c.output != "table" {
		if err := c.print(r, nil); err != nil {
			return err
		}
	} else if len(r.Output) > 0 {
		fmt.Fprintln(c.Stdout, string(r.Output))
	}
	if r.Status == "SUCCEEDED" {
		return nil
	}
	select {
	case <-cancelled:
		c.note("Run %s is cancelled.", runID(r.ID))
		return &status{code: exitInterrupted}
	default:
	}
	text := r.Error
	if r.Cause != "" {
		text = strings.TrimPrefix(text+": "+brief(r.Cause), ": ")
	}
	see := fmt.Sprintf("See what happened with 'tutti describe %s' and 'tutti logs %[1]s'.", runID(r.ID))
	if c.inside {
		see = fmt.Sprintf("Start the server with 'tutti up'; then see what happened with 'tutti describe %s' and 'tutti logs %[1]s'.", runID(r.ID))
	}
	return remedy(see,
		fmt.Errorf("run %s %s: %s", runID(r.ID), r.Status, text))
}

// cancelOnInterrupt cancels the run at the first signal, which it says, and leaves it to itself at the second. The channel
// is closed when the run was told.
func (c *command) cancelOnInterrupt(ctx context.Context, cl *client.Client, r *client.Run, say func(string, ...any), leave func()) <-chan struct{} {
	told := make(chan struct{})
	go func() {
		for n := 0; ; {
			select {
			case s := <-c.Signals:
				if s == syscall.SIGHUP {
					continue
				}
				if n++; n > 1 {
					leave()
					return
				}
				say("Cancelling run %s; press Ctrl-C again to leave it to itself.", runID(r.ID))
				stopCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
				err := cl.Stop(stopCtx, r.ID, client.StopRun{Error: "Tutti.Cancelled", Cause: "interrupted at the command line by " + c.who()})
				cancel()
				if err != nil {
					say("Cancelling failed: %v", err)
					continue
				}
				close(told)
			case <-ctx.Done():
				return
			}
		}
	}()
	return told
}

func (c *command) who() string {
	if u := c.getenv("USER"); u != "" {
		return u
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}
