package asl

import (
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// recovery reads Retry and Catch.
func (o *object) recovery(s *state) {
	for _, r := range o.objects("Retry", optional) {
		s.retry = append(s.retry, r.retrier())
		r.close()
	}
	catchers := o.objects("Catch", optional)
	s.catch = make([]catcher, len(catchers))
	for i, c := range catchers {
		c.sees = seesError
		c.required("ErrorEquals", "Next")
		c.string("Comment")
		s.catch[i].errors = c.errorEquals()
		before := len(o.targets.wanted)
		c.target(s, "Next", optional, &s.catch[i].to)
		if len(o.targets.wanted) > before {
			o.targets.wanted[before].catchesAll = slices.Contains(s.catch[i].errors, errAll)
		}
		if c.data {
			c.other("ResultPath")
			s.catch[i].shape = c.template("Output")
		} else {
			c.other("Output")
			s.catch[i].resultPath = c.referenceOrNull("ResultPath")
		}
		s.catch[i].assign = c.assign()
		c.close()
	}
	o.allStandsAlone("Retry")
	o.allStandsAlone("Catch")
}

func (o *object) retrier() retrier {
	o.required("ErrorEquals")
	o.string("Comment")
	r := retrier{errors: o.errorEquals(), interval: 1, maxAttempts: defaultTries, backoff: defaultFactor}
	if n := o.whole("IntervalSeconds", 0, maxSeconds); n != nil {
		r.interval = *n
	}
	if n := o.whole("MaxAttempts", 0, maxAttempts); n != nil {
		r.maxAttempts = int(*n)
	}
	if n := o.whole("MaxDelaySeconds", 1, maxMaxDelay); n != nil {
		r.maxDelay = *n
		if r.maxDelay <= r.interval {
			o.fault("MaxDelaySeconds", "Value must be greater than IntervalSeconds, which is %d", r.interval)
		}
	}
	if f, ok := o.fraction("BackoffRate", 1, unbounded).Float64(); ok {
		r.backoff = f
	}
	jitter, _ := o.choose("JitterStrategy", "NONE", "FULL")
	r.jitter = jitter == "FULL"
	return r
}

// errorEquals reads the error names that a retrier or a catcher is for.
func (o *object) errorEquals() errorMatcher {
	v, ok := o.of("ErrorEquals", value.Array)
	if !ok {
		return nil
	}
	if v.Len() == 0 {
		o.fault("ErrorEquals", textEmpty)
	}
	var m errorMatcher
	for i, e := range v.Elements() {
		at := o.at.at("ErrorEquals").index(i)
		if e.Kind() != value.String {
			o.c.problem(at, codeSchema, textType, typeName(value.String))
			continue
		}
		m = append(m, e.Text())
		o.c.checkErrorName(at, e.Text())
	}
	return m
}

// checkErrorName warns of names that no failure has.
func (c *compiler) checkErrorName(at pointer, name string) {
	switch {
	case name == errRuntime:
		c.warn(at, "%s never matches: it ends the execution whatever is asked for", errRuntime)
	case strings.HasPrefix(name, "States.") && !slices.Contains(reservedErrors, name):
		c.warn(at, "No failure is called %q: names that begin with \"States.\" are the language's own. %s", name, suggest(name, reservedErrors))
	case strings.HasPrefix(name, "State."):
		c.warn(at, "No failure is called %q. %s", name, suggest(name, reservedErrors))
	}
}

// allStandsAlone refuses States.ALL beside other names, and elements after one for States.ALL: nothing would reach them.
func (o *object) allStandsAlone(name string) {
	list := o.any(name)
	if list.Kind() != value.Array {
		return
	}
	for i, e := range list.Elements() {
		names := e.At("ErrorEquals")
		for _, want := range names.Elements() {
			if want.Text() == errAll && (names.Len() > 1 || i != list.Len()-1) {
				o.c.problem(o.at.at(name).index(i).at("ErrorEquals"), codeSchema, "%s must appear alone and at end of list", errAll)
				break
			}
		}
	}
}
