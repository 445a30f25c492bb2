package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
)

func (c *command) cmdDescribe() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:     "describe [KIND] NAME",
		Short:   "Show all that is known of one thing",
		Example: "  tutti describe r12\n  tutti describe job train\n  tutti describe configmap train-template",
		Args:    between(1, 2, "a kind and a name, or a name alone"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if len(args) == 2 {
				kind, err := kindOf(args[0])
				if err != nil {
					return err
				}
				if kind != "run" && kind != "job" {
					return c.describeObject(ctx, cl, kind, namespace, args[1])
				}
			}
			r, err := find(ctx, cl, args[len(args)-1])
			if err != nil {
				return err
			}
			if r.run != nil {
				return c.describeRun(ctx, cl, r.run)
			}
			return c.describeJob(ctx, cl, r)
		},
	}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the namespace; absent: default")
	return cmd
}

// facts are lines of a name and a value; empty values are left out.
type facts [][2]string

func (f facts) write(w io.Writer) error {
	t := &table{}
	for _, p := range f {
		if p[1] != "" {
			t.add(p[0]+":", p[1])
		}
	}
	return t.write(w)
}

// version is an object's; what every server has from the start has none.
func version(o *client.Object) string {
	if o.Version == 0 {
		return "built in"
	}
	return fmt.Sprint(o.Version)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

// redrivenText says how often a run was redriven.
func redrivenText(r *client.Run) string {
	switch r.Redrives {
	case 0:
		return ""
	case 1:
		return "once, at " + stamp(r.Redriven)
	}
	return fmt.Sprintf("%d times, the last at %s", r.Redrives, stamp(r.Redriven))
}

func compact(v json.RawMessage) string {
	const most = 400
	s := string(v)
	if len(s) > most {
		return s[:most] + fmt.Sprintf("… (%d bytes; see -o json)", len(s))
	}
	return s
}

func labelText(m map[string]string) string {
	text, _ := json.Marshal(m) // sorted by name
	return strings.TrimPrefix(string(text), "null")
}

func (c *command) describeRun(ctx context.Context, cl *client.Client, r *client.Run) error {
	jobs, err := pages(true, func(before int64) (*client.Page[client.Job], error) {
		return cl.Jobs(ctx, client.JobQuery{Run: r.ID, Before: before})
	})
	if err != nil {
		return err
	}
	history, err := cl.History(ctx, r.ID, 0, 1000)
	if err != nil {
		return err
	}
	if c.output != "table" {
		return c.print(struct {
			*client.Run
			Jobs    []client.Job   `json:"jobs"`
			History []client.Event `json:"history"`
		}{r, jobs, history.Items}, nil)
	}
	parent := ""
	if r.Parent != 0 {
		parent = runID(r.Parent)
	}
	if err := (facts{
		{"ID", runID(r.ID)}, {"Name", r.Name}, {"Status", r.Status}, {"Owner", r.Owner}, {"Machine", r.Machine}, {"Parent", parent},
		{"Labels", labelText(r.Labels)}, {"Started", stamp(r.Started)}, {"Ended", stamp(r.Ended)},
		{"Took", c.took(r.Started, r.Ended)}, {"Redriven", redrivenText(r)},
		{"Input", compact(r.Input)}, {"Output", compact(r.Output)}, {"Error", r.Error}, {"Cause", r.Cause}, {"Note", r.Note},
	}).write(c.Stdout); err != nil {
		return err
	}
	if len(jobs) > 0 {
		fmt.Fprintln(c.Stdout, "\nJobs:")
		if err := c.jobTable(jobs).write(c.Stdout); err != nil {
			return err
		}
	}
	fmt.Fprintln(c.Stdout, "\nHistory:")
	t := &table{head: []string{"ID", "TIME", "TYPE", "STATE"}}
	for _, e := range history.Items {
		t.add(fmt.Sprint(e.ID), e.Time.Local().Format("15:04:05.000"), e.Type, detailsOf(e).Name)
	}
	if history.Next != 0 {
		t.add("…", "", "more: tutti describe run "+runID(r.ID)+" -o json", "")
	}
	return t.write(c.Stdout)
}

func (c *command) describeJob(ctx context.Context, cl *client.Client, r ref) error {
	j := r.job
	replicas, err := cl.Replicas(ctx, j.ID, client.ReplicaQuery{Child: r.child, Limit: 100})
	if err != nil {
		return err
	}
	if c.output != "table" {
		return c.print(struct {
			*client.Job
			Processes []client.Replica `json:"processes"`
		}{j, replicas.Items}, nil)
	}
	run := ""
	if j.Run != 0 {
		run = runID(j.Run) + " (" + j.Step + ")"
	}
	array := ""
	if j.Children > 0 {
		array = fmt.Sprintf("%d: %d waiting, %d active, %d succeeded, %d failed", j.Children, j.Counts.Queued, j.Counts.Active, j.Counts.Succeeded, j.Counts.Failed)
	}
	if err := (facts{
		{"ID", jobID(j.ID)}, {"Name", j.Name}, {"Namespace", j.Namespace}, {"State", j.State}, {"Why", j.Why}, {"Owner", j.Owner},
		{"Origin", j.Origin}, {"Queue", j.Queue}, {"Run", run}, {"Labels", labelText(j.Labels)}, {"Array", array},
		{"Submitted", stamp(j.Submitted)}, {"Started", stamp(j.Started)}, {"Ended", stamp(j.Ended)}, {"Took", c.took(j.Started, j.Ended)},
	}).write(c.Stdout); err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, "\nProcesses:")
	return c.replicaTable(replicas.Items).write(c.Stdout)
}

func (c *command) describeObject(ctx context.Context, cl *client.Client, kind, namespace, name string) error {
	o, err := cl.Object(ctx, kind, namespace, name, 0)
	if err != nil {
		return err
	}
	versions, err := cl.Versions(ctx, kind, namespace, name)
	if err != nil && !(o.Version == 0 && client.IsNotFound(err)) { // what is built in has none
		return err
	}
	if c.output != "table" {
		return c.print(struct {
			*client.Object
			Versions []client.Object `json:"versions"`
		}{o, versions}, nil)
	}
	if err := (facts{
		{"Kind", o.Kind}, {"Namespace", o.Namespace}, {"Name", o.Name}, {"Owner", o.Owner}, {"Version", version(o)},
		{"Labels", labelText(o.Labels)}, {"Created", stamp(o.Created)}, {"Updated", stamp(o.Updated)},
	}).write(c.Stdout); err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, "\nVersions:")
	t := &table{head: []string{"VERSION", "UPDATED", "OWNER"}}
	for _, v := range versions {
		t.add(version(&v), stamp(v.Updated), v.Owner)
	}
	if err := t.write(c.Stdout); err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, "\nData:")
	return writeYAML(c.Stdout, o.Data)
}
