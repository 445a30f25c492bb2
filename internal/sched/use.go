package sched

import "github.com/tutti-ml/tutti/internal/job"

// NodeUse is a node with what is given out of it.
type NodeUse struct {
	Node
	Used    Amount
	Holders []job.ID // beside GPUs; 0: free
}

// QueueUse is a queue with what its jobs hold.
type QueueUse struct {
	Queue
	Used    Amount
	Waiting int // jobs that have children to start
}

// Nodes lists the nodes by name.
func (s *State) Nodes() []NodeUse {
	list := make([]NodeUse, len(s.nodes))
	for i, n := range s.nodes {
		list[i] = NodeUse{n.Node, n.used, append([]job.ID(nil), n.holders...)}
	}
	return list
}

// Queues lists the queues by name.
func (s *State) Queues() []QueueUse {
	list := make([]QueueUse, len(s.queues))
	for i, q := range s.queues {
		list[i] = QueueUse{q.Queue, q.used, len(q.line)}
	}
	return list
}
