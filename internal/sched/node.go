package sched

import (
	"cmp"
	"slices"

	"github.com/tutti-ml/tutti/internal/job"
)

// node is a Node with what is given out of it. Fields of used may exceed the node's own after it has shrunk.
type node struct {
	Node
	used    Amount
	holders []job.ID // beside GPUs; 0: free
	// lost are GPUs given out that the node has no more, by index.
	lost map[int32]job.ID
	gone bool // not an engine's any more; it stays while somebody holds it
}

// set replaces what the node is; what is given out stays given out.
func (n *node) set(to Node) {
	held := map[int32]job.ID{}
	for index, id := range n.lost { // order: into another map
		held[index] = id
	}
	for i, id := range n.holders {
		if id != 0 {
			held[n.GPUs[i].Index] = id
		}
	}
	to.GPUs = slices.Clone(to.GPUs)
	slices.SortFunc(to.GPUs, func(a, b GPU) int { return cmp.Compare(a.Index, b.Index) })
	n.Node = to
	n.holders = make([]job.ID, len(to.GPUs))
	for i, g := range to.GPUs {
		n.holders[i] = held[g.Index]
		delete(held, g.Index)
	}
	n.lost = held
}

// idle reports whether nothing of the node is given out.
func (n *node) idle() bool { return n.used == Amount{} }

// room reports whether a replica fits now.
func (n *node) room(r job.Resources) bool {
	if !n.Ready || n.used.MilliCPU+r.MilliCPU > n.MilliCPU || n.used.Memory+r.Memory > n.Memory {
		return false
	}
	return r.GPUs == 0 || n.free(r.GPUKind) >= r.GPUs
}

// free counts the GPUs of a kind that nobody holds.
func (n *node) free(kind string) int32 {
	k := int32(0)
	for i, id := range n.holders {
		if id == 0 && KindMatches(kind, n.GPUs[i].Kind) {
			k++
		}
	}
	return k
}

// pick chooses the free GPUs for a replica that fits, lowest index first.
func (n *node) pick(r job.Resources) []int32 {
	if r.GPUs == 0 {
		return nil
	}
	picked := make([]int32, 0, r.GPUs)
	for i, id := range n.holders {
		if len(picked) == int(r.GPUs) {
			break
		}
		if id == 0 && KindMatches(r.GPUKind, n.GPUs[i].Kind) {
			picked = append(picked, n.GPUs[i].Index)
		}
	}
	return picked
}

// take gives out r and the GPUs of a slot to a job.
func (n *node) take(id job.ID, r job.Resources, gpus []int32) {
	n.used = n.used.plus(Amount{r.MilliCPU, r.Memory, int64(r.GPUs)})
	n.mark(gpus, id)
}

// give takes back what take gave out.
func (n *node) give(r job.Resources, gpus []int32) {
	n.used = n.used.minus(Amount{r.MilliCPU, r.Memory, int64(r.GPUs)})
	n.mark(gpus, 0)
}

func (n *node) mark(gpus []int32, id job.ID) {
	for _, index := range gpus {
		i, found := slices.BinarySearchFunc(n.GPUs, index, func(g GPU, index int32) int { return cmp.Compare(g.Index, index) })
		switch {
		case found:
			n.holders[i] = id
		case id == 0:
			delete(n.lost, index)
		default:
			n.lost[index] = id
		}
	}
}

// place finds a slot for each replica of a gang and takes it for the job, or takes nothing. Replicas that ask for a kind
// of GPU, and then for more GPUs, choose first, each the first node in order of name that has room.
func (s *State) place(id job.ID, shape []Need) ([]Slot, bool) {
	replicas, first := int32(0), make([]int32, len(shape))
	for i, n := range shape {
		first[i] = replicas
		replicas += n.Replicas
	}
	slots := make([]Slot, replicas)
	order := placingOrder(shape)
	for done, i := range order {
		r := shape[i].Resources
		at := 0 // nodes before it have no room for another such replica
		for k := range shape[i].Replicas {
			for at < len(s.nodes) && !s.nodes[at].room(r) {
				at++
			}
			if at == len(s.nodes) {
				s.unplace(slots[first[i]:first[i]+k], r)
				for _, i := range order[:done] {
					s.unplace(slots[first[i]:first[i]+shape[i].Replicas], shape[i].Resources)
				}
				return nil, false
			}
			n := s.nodes[at]
			gpus := n.pick(r)
			n.take(id, r, gpus)
			slots[first[i]+k] = Slot{n.Name, gpus}
		}
	}
	return slots, true
}

func placingOrder(shape []Need) []int {
	order := make([]int, len(shape))
	for i := range order {
		order[i] = i
	}
	if len(shape) > 1 {
		slices.SortStableFunc(order, func(a, b int) int {
			x, y := shape[a].Resources, shape[b].Resources
			if (x.GPUKind != "") != (y.GPUKind != "") {
				if x.GPUKind != "" {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(y.GPUs, x.GPUs), cmp.Compare(y.MilliCPU, x.MilliCPU), cmp.Compare(y.Memory, x.Memory))
		})
	}
	return order
}

func (s *State) unplace(slots []Slot, r job.Resources) {
	for _, slot := range slots {
		s.node(slot.Node).give(r, slot.GPUs)
	}
}

// hold takes given slots for a job; release gives them back.
func (s *State) hold(id job.ID, shape []Need, slots []Slot) {
	s.eachSlot(shape, slots, func(n *node, r job.Resources, gpus []int32) { n.take(id, r, gpus) })
}

func (s *State) release(shape []Need, slots []Slot) {
	s.eachSlot(shape, slots, func(n *node, r job.Resources, gpus []int32) { n.give(r, gpus) })
}

func (s *State) eachSlot(shape []Need, slots []Slot, f func(*node, job.Resources, []int32)) {
	rank := 0
	for _, need := range shape {
		for range need.Replicas {
			f(s.node(slots[rank].Node), need.Resources, slots[rank].GPUs)
			rank++
		}
	}
}

// node finds a node by name. One that was never heard of, such as that of a job whose engine is away, is made up: not
// ready, and gone once nobody holds it.
func (s *State) node(name string) *node {
	i, found := slices.BinarySearchFunc(s.nodes, name, func(n *node, name string) int { return cmp.Compare(n.Name, name) })
	if !found {
		n := &node{gone: true}
		n.set(Node{Name: name, Why: "it is not there"})
		s.nodes = slices.Insert(s.nodes, i, n)
	}
	return s.nodes[i]
}
