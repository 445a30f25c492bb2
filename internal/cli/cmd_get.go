package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
)

func (c *command) cmdGet() *cobra.Command {
	var q struct {
		status, name, machine, queue, namespace, label, owner string
		run                                                   string
		limit                                                 int
		all                                                   bool
	}
	cmd := &cobra.Command{
		Use:   "get KIND [NAME]",
		Short: "List runs, jobs, nodes, queues or things of the catalogue",
		Long: "List runs, jobs, replicas of a job, nodes, queues or things of the catalogue: configmaps, statemachines,\n" +
			"jobdefinitions, jobqueues, computeenvironments, clusters, functions, namespaces, serviceaccounts.",
		Example: "  tutti get runs --status RUNNING\n  tutti get jobs --run r12\n  tutti get configmap train-template -o yaml",
		Args:    between(1, 2, "a kind and a name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			kind, err := kindOf(args[0])
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			name := ""
			if len(args) == 2 {
				name = args[1]
			}
			switch {
			case kind == "run" && name == "":
				f := client.RunQuery{Owner: q.owner, Machine: q.machine, Name: q.name, Status: strings.ToUpper(q.status), Label: q.label, Limit: q.limit}
				items, err := pages(q.all, func(before int64) (*client.Page[client.Run], error) {
					f.Before = before
					return cl.Runs(ctx, f)
				})
				if err != nil {
					return err
				}
				return c.print(items, func() *table { return c.runTable(items) })
			case kind == "job" && name == "":
				f := client.JobQuery{Owner: q.owner, Queue: q.queue, Namespace: q.namespace, Name: q.name, State: q.status, Label: q.label, Limit: q.limit}
				if q.run != "" {
					r, err := find(ctx, cl, q.run)
					if err != nil {
						return err
					}
					if r.run == nil {
						return usage("--run: %q is a job", q.run)
					}
					f.Run = r.run.ID
				}
				items, err := pages(q.all, func(before int64) (*client.Page[client.Job], error) {
					f.Before = before
					return cl.Jobs(ctx, f)
				})
				if err != nil {
					return err
				}
				return c.print(items, func() *table { return c.jobTable(items) })
			case kind == "run" || kind == "job":
				return c.getOne(ctx, cl, name)
			case kind == "replica":
				return c.getReplicas(ctx, cl, name, q.status)
			case kind == "node":
				return c.getNodes(ctx, cl)
			case kind == "queue":
				return c.getQueues(ctx, cl)
			}
			return c.getObjects(ctx, cl, kind, q.namespace, name)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.status, "status", "", "only of this status or state")
	f.StringVar(&q.name, "name", "", "only of this name")
	f.StringVar(&q.machine, "machine", "", "only runs of this state machine")
	f.StringVar(&q.queue, "queue", "", "only jobs of this queue")
	f.StringVar(&q.run, "run", "", "only jobs of this run")
	f.StringVarP(&q.namespace, "namespace", "n", "", "only of this namespace")
	f.StringVarP(&q.label, "selector", "l", "", "only with this label, `name=value`")
	f.StringVar(&q.owner, "owner", "", "only of this user (for admins)")
	f.IntVar(&q.limit, "limit", 50, "how many at most")
	f.BoolVar(&q.all, "all", false, "all of them, page by page")
	return cmd
}

// kinds are what get and describe know, with what people call them for short.
var kinds = map[string][]string{
	"run":                {"runs", "execution", "executions"},
	"job":                {"jobs"},
	"replica":            {"replicas", "rep"},
	"node":               {"nodes"},
	"queue":              {"queues"},
	"configmap":          {"configmaps", "cm"},
	"statemachine":       {"statemachines", "sm"},
	"jobdefinition":      {"jobdefinitions", "jd"},
	"jobqueue":           {"jobqueues", "jq"},
	"computeenvironment": {"computeenvironments", "ce"},
	"cluster":            {"clusters"},
	"function":           {"functions", "fn"},
	"activity":           {"activities"},
	"namespace":          {"namespaces", "ns"},
	"serviceaccount":     {"serviceaccounts", "sa"},
}

func kindOf(word string) (string, error) {
	word = strings.ToLower(word)
	for kind, others := range kinds {
		if word == kind || slices.Contains(others, word) {
			return kind, nil
		}
	}
	names := make([]string, 0, len(kinds))
	for kind := range kinds {
		names = append(names, kind)
	}
	slices.Sort(names)
	return "", usage("there is no kind %q; there are %s", word, strings.Join(names, ", "))
}

// pages reads one page, or all.
func pages[T any](all bool, read func(before int64) (*client.Page[T], error)) ([]T, error) {
	items := []T{}
	for before := int64(0); ; {
		p, err := read(before)
		if err != nil {
			return nil, err
		}
		items = append(items, p.Items...)
		if !all || p.Next == 0 {
			return items, nil
		}
		before = p.Next
	}
}

func (c *command) getOne(ctx context.Context, cl *client.Client, name string) error {
	r, err := find(ctx, cl, name)
	if err != nil {
		return err
	}
	if r.run != nil {
		return c.print(r.run, func() *table { return c.runTable([]client.Run{*r.run}) })
	}
	return c.print(r.job, func() *table { return c.jobTable([]client.Job{*r.job}) })
}

func (c *command) runTable(runs []client.Run) *table {
	t := &table{head: []string{"ID", "NAME", "STATUS", "OWNER", "TOOK", "AGE"}}
	for _, r := range runs {
		t.add(runID(r.ID), r.Name, r.Status, r.Owner, c.took(r.Started, r.Ended), c.age(r.Started))
	}
	return t
}

func (c *command) jobTable(jobs []client.Job) *table {
	t := &table{head: []string{"ID", "NAME", "STATE", "DONE", "FAILED", "RUN", "TOOK", "AGE", "WHY"}}
	for _, j := range jobs {
		n := j.Counts
		run := ""
		if j.Run != 0 {
			run = runID(j.Run)
		}
		t.add(jobID(j.ID), j.Name, j.State, fmt.Sprintf("%d/%d", n.Succeeded, n.Queued+n.Active+n.Succeeded+n.Failed),
			fmt.Sprint(n.Failed), run, c.took(j.Started, j.Ended), c.age(j.Submitted), j.Why)
	}
	return t
}

func (c *command) getReplicas(ctx context.Context, cl *client.Client, name, state string) error {
	if name == "" {
		return usage("say whose replicas: tutti get replicas JOB")
	}
	r, err := find(ctx, cl, name)
	if err != nil {
		return err
	}
	if r.job == nil {
		return usage("%q is a run: only jobs have replicas", name)
	}
	p, err := cl.Replicas(ctx, r.job.ID, client.ReplicaQuery{Child: r.child, State: state})
	if err != nil {
		return err
	}
	return c.print(p.Items, func() *table { return c.replicaTable(p.Items) })
}

func (c *command) replicaTable(replicas []client.Replica) *table {
	t := &table{head: []string{"CHILD", "REPLICA", "GROUP", "ATTEMPT", "STATE", "NODE", "GPUS", "EXIT", "TOOK"}}
	for _, r := range replicas {
		exit, took := "", ""
		if r.Exit != nil {
			exit = exitText(r.Exit)
			took = c.took(r.Exit.Started, r.Exit.Ended)
		}
		gpus := strings.Trim(fmt.Sprint(r.GPUs), "[]")
		t.add(fmt.Sprint(r.Child), fmt.Sprint(r.Replica), r.Group, fmt.Sprint(r.Attempt), r.State, r.Node, gpus, exit, took)
	}
	return t
}

func exitText(e *client.Exit) string {
	text := e.Reason
	switch e.Reason {
	case "Exited":
		text = fmt.Sprintf("code %d", e.Code)
	case "Signalled":
		text = fmt.Sprintf("signal %d", e.Signal)
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

func (c *command) getNodes(ctx context.Context, cl *client.Client) error {
	nodes, err := cl.Nodes(ctx)
	if err != nil {
		return err
	}
	return c.print(nodes, func() *table {
		t := &table{head: []string{"NAME", "READY", "CPU", "MEMORY", "GPUS", "CAPACITY"}}
		for _, n := range nodes {
			capacity := "found"
			if n.Declared {
				capacity = "declared"
			}
			ready := "yes"
			if !n.Ready {
				ready = "no: " + n.Why
			}
			t.add(n.Name, ready, share(cores(n.Used.MilliCPU), cores(n.MilliCPU)), share(amount(n.Used.Memory), amount(n.Memory)),
				share(fmt.Sprint(n.Used.GPUs), gpuText(n.GPUs)), capacity)
		}
		return t
	})
}

func cores(milli int64) string { return fmt.Sprintf("%g", float64(milli)/1000) }

// share is what is used of what there is; without a bound, what is used.
func share(used, of string) string {
	if of == "0" || of == "" {
		return used
	}
	return used + "/" + of
}

func gpuText(gpus []client.GPU) string {
	var kinds []string
	counts := map[string]int{}
	for _, g := range gpus {
		if counts[g.Kind] == 0 {
			kinds = append(kinds, g.Kind)
		}
		counts[g.Kind]++
	}
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%d %s", counts[k], k)
	}
	return strings.Join(kinds, ", ")
}

func (c *command) getQueues(ctx context.Context, cl *client.Client) error {
	queues, err := cl.Queues(ctx)
	if err != nil {
		return err
	}
	return c.print(queues, func() *table {
		t := &table{head: []string{"NAME", "PRIORITY", "WAITING", "CPU", "MEMORY", "GPUS", "CLOSED"}}
		for _, q := range queues {
			t.add(q.Name, fmt.Sprint(q.Priority), fmt.Sprint(q.Waiting), share(cores(q.Used.MilliCPU), cores(q.Max.MilliCPU)),
				share(amount(q.Used.Memory), amount(q.Max.Memory)), share(fmt.Sprint(q.Used.GPUs), fmt.Sprint(q.Max.GPUs)), q.Closed)
		}
		return t
	})
}

func (c *command) getObjects(ctx context.Context, cl *client.Client, kind, namespace, name string) error {
	var objects []client.Object
	if name == "" {
		list, err := cl.Objects(ctx, kind, namespace)
		if err != nil {
			return err
		}
		objects = list
	} else {
		o, err := cl.Object(ctx, kind, namespace, name, 0)
		if err != nil {
			return err
		}
		if c.output != "table" {
			return c.print(o, nil)
		}
		objects = []client.Object{*o}
	}
	return c.print(objects, func() *table {
		t := &table{head: []string{"NAMESPACE", "NAME", "VERSION", "OWNER", "AGE"}}
		for _, o := range objects {
			t.add(o.Namespace, o.Name, version(&o), o.Owner, c.age(o.Updated))
		}
		return t
	})
}
