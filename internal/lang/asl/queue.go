package asl

// queue holds the branches that a step can take on, first come, first served. A branch stands in it once. One that is
// dropped or has to wait after all stays where it is until it comes to the head.
type queue struct {
	list []*branch
	next int // list[:next] has been taken
}

// head is the branch whose turn it is; nil: none.
func (q *queue) head() *branch {
	if q.next == len(q.list) {
		return nil
	}
	return q.list[q.next]
}

// push adds b at the end, unless it stands in the queue.
func (q *queue) push(b *branch) {
	if b.queued {
		return
	}
	b.queued = true
	q.list = append(q.list, b)
}

// take removes b if it is at the head.
func (q *queue) take(b *branch) {
	if b != nil && q.head() == b {
		q.pop()
	}
}

// trim removes what is no longer ready from the head.
func (q *queue) trim() {
	for b := q.head(); b != nil && !b.ready(); b = q.head() {
		q.pop()
	}
}

func (q *queue) pop() {
	q.list[q.next].queued = false
	q.list[q.next] = nil
	q.next++
	if q.next*2 > len(q.list) {
		kept := copy(q.list, q.list[q.next:])
		clear(q.list[kept:])
		q.list, q.next = q.list[:kept], 0
	}
}
