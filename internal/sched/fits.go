package sched

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// Fits reports whether a child of the given shape could ever start in a queue: on the nodes as they are when nothing
// runs, ready or not. Its error says what is asked for, and the largest that would fit. groups names the shape's needs.
func Fits(shape []Need, groups []string, nodes []Node, q Queue) error {
	if err := fitsQueue(total(shape), q); err != nil {
		return err
	}
	s := NewState()
	for _, n := range nodes {
		n.Ready = true
		s.Apply(NodeChanged{n})
	}
	if _, ok := s.place(1, shape); ok {
		return nil
	}
	for i, need := range shape {
		if err := s.fitsAlone(groups[i], need.Resources); err != nil {
			return err
		}
	}
	return s.fitsTogether(shape, groups)
}

func fitsQueue(need Amount, q Queue) error {
	for _, d := range dimensions {
		if max := d.of(q.Max); max > 0 && d.of(need) > max {
			return fmt.Errorf("it asks for %s at once; queue %q allows at most %s", d.text(d.of(need)), q.Name, d.text(max))
		}
	}
	return nil
}

// fitsAlone says whether one replica fits on any empty node.
func (s *State) fitsAlone(group string, r job.Resources) error {
	if slices.ContainsFunc(s.nodes, func(n *node) bool { return n.room(r) }) {
		return nil
	}
	if r.GPUs > 0 {
		most, kinds := int32(0), []string{}
		for _, n := range s.nodes {
			most = max(most, n.free(r.GPUKind))
			for _, g := range n.GPUs {
				if !slices.Contains(kinds, g.Kind) {
					kinds = append(kinds, g.Kind)
				}
			}
		}
		switch {
		case len(kinds) == 0:
			return fmt.Errorf("a replica of group %q asks for %s; no node has any", group, gpus(int64(r.GPUs), r.GPUKind))
		case most == 0:
			slices.Sort(kinds)
			return fmt.Errorf("a replica of group %q asks for %s; the kinds there are: %s", group, gpus(int64(r.GPUs), r.GPUKind), strings.Join(kinds, ", "))
		case most < r.GPUs:
			return fmt.Errorf("a replica of group %q asks for %s; the most that a node has is %d", group, gpus(int64(r.GPUs), r.GPUKind), most)
		}
	}
	want := Amount{MilliCPU: r.MilliCPU, Memory: r.Memory}
	for _, d := range dimensions[1:] {
		most := int64(0)
		for _, n := range s.nodes {
			most = max(most, d.of(Amount{MilliCPU: n.MilliCPU, Memory: n.Memory}))
		}
		if d.of(want) > most {
			return fmt.Errorf("a replica of group %q asks for %s; the most that a node has is %s", group, d.text(d.of(want)), d.text(most))
		}
	}
	return fmt.Errorf("a replica of group %q asks for %s; every node has too little of one of them", group, amountText(r))
}

// fitsTogether says how many replicas of a gang that is too large for all nodes would fit at once.
func (s *State) fitsTogether(shape []Need, groups []string) error {
	i := 0 // the group to shrink: the one with the most replicas
	for k := range shape {
		if shape[k].Replicas > shape[i].Replicas {
			i = k
		}
	}
	smaller := slices.Clone(shape)
	for smaller[i].Replicas--; smaller[i].Replicas > 0; smaller[i].Replicas-- {
		if _, ok := s.place(1, smaller); ok {
			return fmt.Errorf("its %d replicas of group %q do not fit on the nodes together; %d would", shape[i].Replicas, groups[i], smaller[i].Replicas)
		}
	}
	return fmt.Errorf("its groups %s do not fit on the nodes together, even with one replica of %q", strings.Join(groups, ", "), groups[i])
}

// dimension is one of the amounts, for sentences.
type dimension struct {
	of     func(Amount) int64
	text   func(int64) string // with what it is, such as "2 CPUs"
	number func(int64) string // without
}

// dimensions are all of them, the scarcest first.
var dimensions = []dimension{
	{func(a Amount) int64 { return a.GPUs }, func(n int64) string { return gpus(n, "") }, func(n int64) string { return strconv.FormatInt(n, 10) }},
	{func(a Amount) int64 { return a.MilliCPU }, cpus, thousandths},
	{func(a Amount) int64 { return a.Memory }, func(n int64) string { return bytes(n) + " of memory" }, bytes},
}

func gpus(n int64, kind string) string {
	s := count(n, "GPU")
	if kind != "" {
		s += " of kind " + kind
	}
	return s
}

func cpus(milli int64) string {
	if milli == 1000 {
		return "1 CPU"
	}
	return thousandths(milli) + " CPUs"
}

// thousandths writes n/1000 without needless zeros.
func thousandths(n int64) string {
	s := fmt.Sprintf("%d.%03d", n/1000, n%1000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return count(n, "byte")
	}
	u := 0
	for n >= 1<<20 && u < len(units)-1 {
		n >>= 10
		u++
	}
	return fmt.Sprintf("%s %ciB", strings.TrimSuffix(fmt.Sprintf("%d.%d", n>>10, n&(1<<10-1)*10>>10), ".0"), units[u])
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func amountText(r job.Resources) string {
	var parts []string
	if r.GPUs > 0 {
		parts = append(parts, gpus(int64(r.GPUs), r.GPUKind))
	}
	if r.MilliCPU > 0 {
		parts = append(parts, cpus(r.MilliCPU))
	}
	if r.Memory > 0 {
		parts = append(parts, bytes(r.Memory)+" of memory")
	}
	return strings.Join(parts, ", ")
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// names lists jobs for people: the first few by name, the others by their number.
func (s *State) names(ids []job.ID) string {
	slices.SortFunc(ids, cmp.Compare[job.ID])
	ids = slices.Compact(ids)
	const most = 3
	var text []string
	for _, id := range ids[:min(most, len(ids))] {
		text = append(text, s.jobs[id].Name)
	}
	if len(ids) > most {
		text = append(text, fmt.Sprintf("%d more", len(ids)-most))
	}
	if len(text) < 2 {
		return strings.Join(text, "")
	}
	last := len(text) - 1
	return strings.Join(text[:last], ", ") + " and " + text[last]
}
