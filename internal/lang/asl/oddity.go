package asl

// Some histories that were recorded on AWS differ from all others in a detail, for no reason that is known. They are
// matched, so that recordings can be held against ours to the last word; docs/adr/0010-recorded-oddities.md lists them.

// showsCompactInput reports whether an execution's input is shown without the blanks that it was written with when it
// enters s, its first state: so it is of a distributed Map that has a Label.
func (s *state) showsCompactInput() bool {
	m, ok := s.action.(*mapping)
	return ok && m.distributed != nil && m.distributed.labelled
}

// nestsMapRuns reports whether s is a distributed Map with another one as what it does for each item. Its exit is then
// said to follow the start of its map run, not the end.
func (s *state) nestsMapRuns() bool {
	outer, ok := s.action.(*mapping)
	if !ok || outer.distributed == nil {
		return false
	}
	inner, ok := outer.processor.start.action.(*mapping)
	return ok && inner.distributed != nil
}
