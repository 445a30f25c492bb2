package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
)

func (c *command) cmdLogs() *cobra.Command {
	var q client.LogQuery
	var times bool
	cmd := &cobra.Command{
		Use:     "logs RUN|JOB[/CHILD][/REPLICA]",
		Short:   "Print the output of a run's or a job's processes",
		Example: "  tutti logs -f r12\n  tutti logs j7/3\n  tutti logs train/0/1 --tail 20\n  tutti logs j7 --attempt 1",
		Args:    exactly(1, "a run or a job"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			ctx, stop := c.interruptible(cmd.Context())
			defer stop()
			r, err := find(ctx, cl, args[0])
			if err != nil {
				return err
			}
			if r.run != nil {
				q.Run = r.run.ID
			} else {
				q.Job = r.job.ID
			}
			q.Child, q.Replica = r.child, r.replica
			w := &logWriter{out: c.Stdout, times: times, label: labeller(r)}
			if err := cl.Logs(ctx, q, w.write); err != nil && ctx.Err() == nil {
				return err
			}
			w.end()
			if ctx.Err() != nil {
				return &status{code: exitInterrupted}
			}
			return w.err
		},
	}
	cmd.Flags().BoolVarP(&q.Follow, "follow", "f", false, "go on until everything has ended")
	cmd.Flags().Int32Var(&q.Attempt, "attempt", 0, "of attempt `N`; 0 is the latest of each process")
	cmd.Flags().IntVar(&q.Tail, "tail", 0, "only the last `N` lines of each process")
	cmd.Flags().BoolVar(&times, "timestamps", false, "print when each line was written")
	return cmd
}

// labeller says which process a line is from, where there can be several.
func labeller(r ref) func(client.Line) string {
	switch {
	case r.run != nil:
		return func(l client.Line) string { return fmt.Sprintf("%s/%d/%d", jobID(l.Job), l.Child, l.Replica) }
	case r.job.Children > 0 && r.child == nil:
		if r.job.Replicas > 1 {
			return func(l client.Line) string { return fmt.Sprintf("%d/%d", l.Child, l.Replica) }
		}
		return func(l client.Line) string { return fmt.Sprint(l.Child) }
	case r.job.Replicas > 1 && r.replica == nil:
		return func(l client.Line) string { return fmt.Sprint(l.Replica) }
	}
	return func(client.Line) string { return "" }
}

// logWriter prints lines. Parts of a line follow each other without an end between them, unless another comes first.
type logWriter struct {
	out   io.Writer
	times bool
	label func(client.Line) string
	open  *client.Line // the part that was printed last, if its line goes on
	err   error
}

func (w *logWriter) write(l client.Line) bool {
	text := l.Text
	if last := w.open; last == nil || *last != source(l) {
		if label := w.label(l); label != "" {
			text = "[" + label + "] " + text
		}
		if w.times {
			text = l.Time.Local().Format("2006-01-02T15:04:05.000") + " " + text
		}
		if last != nil {
			text = "\n" + text
		}
	}
	w.open = nil
	if l.Continued {
		from := source(l)
		w.open = &from
	} else {
		text += "\n"
	}
	_, w.err = io.WriteString(w.out, text)
	return w.err == nil
}

// source is what is alike in all lines of a process's stream.
func source(l client.Line) client.Line {
	return client.Line{Job: l.Job, Child: l.Child, Replica: l.Replica, Attempt: l.Attempt, Stream: l.Stream}
}

// end ends a line that goes on no more.
func (w *logWriter) end() {
	if w.open != nil && w.err == nil {
		_, w.err = io.WriteString(w.out, "\n")
	}
}
