package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
)

func (c *command) cmdDebug() *cobra.Command {
	return &cobra.Command{
		Use:   "debug RUN",
		Short: "Print everything that is stored of a run: its log as facts, pending tasks, timers and inbox",
		Args:  exactly(1, "a run"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			r, err := find(ctx, cl, args[0])
			if err != nil {
				return err
			}
			if r.run == nil {
				return usage("%q is a job: describe it with 'tutti describe job %s'", args[0], args[0])
			}
			d, err := cl.Debug(ctx, r.run.ID)
			if err != nil {
				return err
			}
			definition, err := cl.Definition(ctx, r.run.ID)
			if err != nil {
				return err
			}
			if c.output != "table" {
				return c.print(struct {
					*client.Debug
					Definition *client.Definition `json:"definition"`
				}{d, definition}, nil)
			}
			return c.printDebug(d, definition)
		},
	}
}

func (c *command) printDebug(d *client.Debug, definition *client.Definition) error {
	r := d.Run
	w := c.Stdout
	if err := (facts{
		{"Run", runID(r.ID) + " " + r.Name}, {"Status", r.Status}, {"Note", r.Note}, {"Owner", r.Owner},
		{"Started", stamp(r.Started)}, {"Ended", stamp(r.Ended)}, {"Error", r.Error}, {"Cause", r.Cause},
	}).write(w); err != nil {
		return err
	}
	for _, e := range d.Errors {
		fmt.Fprintln(w, "Could not be read:", e)
	}
	fmt.Fprintf(w, "\nDefinition (%s):\n%s\n", definition.Language, definition.Text)
	fmt.Fprintln(w, "\nFrames:")
	for _, f := range d.Frames {
		fmt.Fprintf(w, "  %d to %d, %d bytes, position %d\n", f.First, f.First+uint64(f.Count)-1, f.Bytes, f.Position)
		for _, fact := range f.Facts {
			fmt.Fprintln(w, "    "+fact)
		}
	}
	fmt.Fprintln(w, "\nPending tasks:")
	for _, t := range d.Pending {
		fmt.Fprintf(w, "  %d %s %s %s\n", t.Task, t.Label, t.Resource, stamp(t.Deadline))
	}
	fmt.Fprintln(w, "\nTimers:")
	for _, t := range d.Timers {
		fmt.Fprintf(w, "  %d at %s\n", t.Timer, stamp(t.At))
	}
	fmt.Fprintln(w, "\nInbox:")
	for _, i := range d.Inbox {
		fmt.Fprintf(w, "  %d %s: %s, task %d, ref %d\n", i.ID, i.Key, i.Kind, i.Task, i.Ref)
	}
	return nil
}
