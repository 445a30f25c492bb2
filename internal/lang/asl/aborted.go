package asl

import "github.com/tutti-ml/tutti/internal/value"

// abortedRef is something that was under way and is dropped because of a failure elsewhere, for the history: an iteration
// of a Map, or the state that a branch was in.
type abortedRef struct {
	state     *state // of an iteration the Map
	iteration bool
	index     int // of the iteration
	// last is, in facts of the first release, what the event follows from; 0: the failure.
	last uint64
}

// canAbort reports whether the history has an event for a state of the kind that was given up. It has none for those that
// take no time.
func (s *state) canAbort() bool { return s.kind == taskState || s.kind == waitState || s.fansOut() }

// abortedBelow is what a failure drops below b: of each branch the iteration that it is, the state that it was in, and all
// below that. Of the branch that failed, if any, it is the state alone: that it failed is said otherwise.
func (b *branch) abortedBelow(failed *branch) []abortedRef {
	var list []abortedRef
	for c := b.firstChild; c != nil; c = c.after {
		if b.state.kind == mapState && c != failed {
			list = append(list, abortedRef{state: b.state, iteration: true, index: c.index})
		}
		if c.state.canAbort() && (c != failed || !c.state.fansOut()) {
			list = append(list, abortedRef{state: c.state})
		}
		list = append(list, c.abortedBelow(nil)...)
	}
	return list
}

// aborted adds what was dropped. None of it leads anywhere; all of it follows from the failure.
func (h *historian) aborted(list []abortedRef) {
	prev := h.prev
	for _, r := range list {
		if r.last != 0 {
			h.prev = r.last
		}
		if r.iteration {
			h.iteration("Aborted", r.state, r.index)
		} else {
			h.aside(r.state.kind.String()+"StateAborted", "", value.Value{})
		}
	}
	h.prev = prev
}

func encodeAborted(e *value.Encoder, list []abortedRef) {
	e.Uint(uint64(len(list)))
	for _, r := range list {
		encodeState(e, r.state)
		e.Bool(r.iteration)
		e.Uint(uint64(r.index))
	}
}

func (d *Definition) decodeAborted(dec *value.Decoder) []abortedRef {
	n := dec.Len()
	if n == 0 {
		return nil
	}
	list := make([]abortedRef, n)
	for i := range list {
		list[i] = abortedRef{state: d.decodeState(dec), iteration: dec.Bool(), index: int(dec.Uint())}
	}
	return list
}

// encodeIterations and decodeIterations are the form of the first release, which knew aborted iterations alone.
func encodeIterations(e *value.Encoder, list []abortedRef) {
	e.Uint(uint64(len(list)))
	for _, r := range list {
		encodeState(e, r.state)
		e.Uint(uint64(r.index))
		e.Uint(r.last)
	}
}

func (d *Definition) decodeIterations(dec *value.Decoder) []abortedRef {
	n := dec.Len()
	if n == 0 {
		return nil
	}
	list := make([]abortedRef, n)
	for i := range list {
		list[i] = abortedRef{state: d.decodeState(dec), iteration: true, index: int(dec.Uint()), last: dec.Uint()}
	}
	return list
}
