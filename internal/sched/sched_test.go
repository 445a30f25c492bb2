package sched

import (
	"strings"
	"testing"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

func gpuNode(name string, cpus, gpus int) Node {
	n := Node{Name: name, Ready: true, MilliCPU: int64(cpus) * 1000, Memory: 64 << 30}
	for i := range gpus {
		n.GPUs = append(n.GPUs, GPU{int32(i), "NVIDIA H100 80GB HBM3"})
	}
	return n
}

func need(replicas int32, cpus int64, gpus int32, kind string) Need {
	return Need{replicas, job.Resources{MilliCPU: cpus * 1000, GPUs: gpus, GPUKind: kind}}
}

// carryOut makes the plan of now come true.
func carryOut(s *State, now time.Time) Plan {
	p := s.Plan(now)
	for _, st := range p.Starts {
		s.Apply(ChildStarted(st))
	}
	return p
}

func TestWhy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	accept := func(id job.ID, name, queue string, size int32, shape ...Need) Event {
		return JobAccepted{Job{ID: id, Name: name, Queue: queue, Size: size, Shape: shape}}
	}
	tests := []struct {
		name   string
		events []Event
		want   string // of job 9
	}{
		{"GPUs", []Event{
			NodeChanged{gpuNode("n", 64, 8)}, accept(1, "train-7", "q", 1, need(1, 1, 7, "")), accept(9, "x", "q", 1, need(2, 1, 1, "H100")),
		}, "waits for 2 GPUs of kind H100: 1 of 8 free, held by train-7"},
		{"CPUs", []Event{
			NodeChanged{gpuNode("n", 4, 0)}, accept(1, "a", "q", 3, need(1, 1, 0, "")), accept(9, "x", "q", 1, need(1, 2, 0, "")),
		}, "waits for 2 CPUs: 1 of 4 free, held by a"},
		{"many holders", []Event{
			NodeChanged{gpuNode("n", 5, 0)},
			accept(1, "a", "q", 1, need(1, 1, 0, "")), accept(2, "b", "q", 1, need(1, 1, 0, "")), accept(3, "c", "q", 1, need(1, 1, 0, "")),
			accept(4, "d", "q", 1, need(1, 1, 0, "")), accept(5, "e", "q", 1, need(1, 1, 0, "")), accept(9, "x", "q", 1, need(1, 2, 0, "")),
		}, "waits for 2 CPUs: 0 of 5 free, held by a, b, c and 2 more"},
		{"bound of the queue", []Event{
			NodeChanged{gpuNode("n", 64, 0)}, QueueChanged{Queue{Name: "q", Max: Amount{MilliCPU: 4000}}},
			accept(1, "a", "q", 1, need(1, 4, 0, "")), accept(9, "x", "q", 1, need(1, 4, 0, "")),
		}, `waits for 4 CPUs of queue "q": 0 of 4 free, held by a`},
		{"behind another", []Event{
			NodeChanged{gpuNode("n", 4, 0)}, accept(1, "a", "q", 1, need(1, 4, 0, "")), accept(2, "b", "q", 1, need(1, 3, 0, "")),
			accept(9, "x", "q", 1, need(1, 1, 0, "")),
		}, "waits behind b, which waits for 3 CPUs: 0 of 4 free, held by a"},
		{"spread over nodes", []Event{
			NodeChanged{gpuNode("m", 2, 0)}, NodeChanged{gpuNode("n", 2, 0)}, accept(1, "a", "q", 2, need(1, 1, 0, "")),
			NodeChanged{gpuNode("o", 1, 0)}, accept(9, "x", "q", 1, need(1, 3, 0, "")),
		}, "waits for enough room side by side: what is free is spread over nodes, held by a"},
		{"as many as it allows", []Event{
			NodeChanged{gpuNode("n", 4, 0)},
			JobAccepted{Job{ID: 9, Name: "x", Queue: "q", Size: 3, MaxRunning: 2, Shape: []Need{need(1, 1, 0, "")}}},
		}, "has as many children running as it allows: 2"},
		{"delayed", []Event{
			NodeChanged{gpuNode("n", 4, 0)}, accept(9, "x", "q", 0, need(1, 1, 0, "")), ChildQueued{9, 0, now.Add(time.Minute)},
		}, "waits until 03:05:05 UTC"},
		{"no node", []Event{accept(9, "x", "q", 1, need(1, 1, 0, ""))}, "waits for a node: there is none"},
		{"node that is not ready", []Event{
			NodeChanged{Node{Name: "n", Why: "lost its power"}}, accept(9, "x", "q", 1, need(1, 1, 0, "")),
		}, "waits for a node: n is not ready: lost its power"},
		{"closed queue", []Event{
			NodeChanged{gpuNode("n", 4, 0)}, QueueChanged{Queue{Name: "q", Closed: "it is disabled"}}, accept(9, "x", "q", 1, need(1, 1, 0, "")),
		}, `waits for queue "q": it is disabled`},
		{"nothing", []Event{NodeChanged{gpuNode("n", 4, 0)}, accept(9, "x", "q", 1, need(1, 1, 0, ""))}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := NewState()
			for _, e := range test.events {
				s.Apply(e)
			}
			carryOut(s, now)
			if got := s.Why(9, now); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	nodes := []Node{gpuNode("m", 4, 2), gpuNode("n", 8, 8)}
	tests := []struct {
		name  string
		shape []Need
		queue Queue
		want  string // empty: it fits
	}{
		{"fits", []Need{need(1, 1, 8, "h100"), need(2, 1, 1, "")}, Queue{}, ""},
		{"GPUs of one", []Need{need(1, 1, 9, "")}, Queue{}, `a replica of group "g0" asks for 9 GPUs; the most that a node has is 8`},
		{"kind", []Need{need(1, 1, 1, "A100")}, Queue{}, `a replica of group "g0" asks for 1 GPU of kind A100; the kinds there are: NVIDIA H100 80GB HBM3`},
		{"CPUs", []Need{need(1, 1, 0, ""), need(1, 9, 0, "")}, Queue{}, `a replica of group "g1" asks for 9 CPUs; the most that a node has is 8 CPUs`},
		{"memory", []Need{{1, job.Resources{Memory: 65 << 30}}}, Queue{}, `a replica of group "g0" asks for 65 GiB of memory; the most that a node has is 64 GiB of memory`},
		{"both at once", []Need{need(1, 5, 8, ""), need(1, 4, 0, ""), need(1, 1, 0, "")}, Queue{}, ""},
		{"gang", []Need{need(1, 1, 0, ""), need(4, 3, 0, "")}, Queue{}, `its 4 replicas of group "g1" do not fit on the nodes together; 3 would`},
		{"queue", []Need{need(2, 2, 0, "")}, Queue{Name: "q", Max: Amount{MilliCPU: 2500}}, `it asks for 4 CPUs at once; queue "q" allows at most 2.5 CPUs`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			groups := []string{"g0", "g1", "g2"}[:len(test.shape)]
			got := ""
			if err := Fits(test.shape, groups, nodes, test.queue); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestQueuesShareByPriority(t *testing.T) {
	t.Parallel()
	s := NewState()
	for _, e := range []Event{
		NodeChanged{gpuNode("n", 4, 0)}, QueueChanged{Queue{Name: "high", Priority: 1}}, QueueChanged{Queue{Name: "low"}},
		JobAccepted{Job{ID: 1, Queue: "low", Size: 4, Shape: []Need{need(1, 1, 0, "")}}},
		JobAccepted{Job{ID: 2, Queue: "high", Size: 3, Shape: []Need{need(1, 1, 0, "")}}},
	} {
		s.Apply(e)
	}
	var got []string
	for _, st := range s.Plan(time.Time{}).Starts {
		got = append(got, map[job.ID]string{1: "low", 2: "high"}[st.Job])
	}
	if want := "high high high low"; strings.Join(got, " ") != want {
		t.Errorf("started %v, want %s", got, want)
	}
}

func TestKindMatches(t *testing.T) {
	t.Parallel()
	for want, ok := range map[string]bool{
		"": true, "H100": true, "nvidia-h100": true, "NVIDIA-H100-80GB-HBM3": true, "h10": false, "100": false, "a100": false, "h100 hbm3": false,
	} {
		if got := KindMatches(want, "NVIDIA H100 80GB HBM3"); got != ok {
			t.Errorf("%q matches: %t", want, got)
		}
	}
}

// A plan after one end costs what one start costs, not what all that wait would.
func BenchmarkPlanAfterAnEnd(b *testing.B) {
	s := NewState()
	s.Apply(NodeChanged{gpuNode("n", 64, 0)})
	for id := range job.ID(100_000) {
		s.Apply(JobAccepted{Job{ID: id + 1, Queue: "q", Size: 1, Shape: []Need{need(1, 1, 0, "")}}})
	}
	carryOut(s, time.Time{})
	running := job.ID(0)
	for b.Loop() {
		running++
		s.Apply(JobEnded{running})
		carryOut(s, time.Time{})
		s.Apply(JobAccepted{Job{ID: running + 100_000, Queue: "q", Size: 1, Shape: []Need{need(1, 1, 0, "")}}})
	}
}
