package asl

import (
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/lang/expr"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// wait is a Wait state: nothing happens for some seconds, or until a moment.
type wait struct {
	seconds amount
	moment  time.Time  // zero: none
	path    *expr.Path // TimestampPath; nil: none
	query   *expression
}

func (o *object) wait(s *state) action {
	s.flow = o.flow(hasAssign)
	names := []string{"SecondsPath", "Seconds", "TimestampPath", "Timestamp"}
	if o.data {
		o.other("SecondsPath", "TimestampPath")
		names = []string{"Seconds", "Timestamp"}
	}
	o.exactlyOne(names...)
	w := &wait{seconds: o.amount("Seconds", 0, maxSeconds)}
	if n, ok := w.seconds.literal.Int64(); ok && n == 0 {
		o.c.warn(o.at.at("Seconds"), "It waits for nothing: 0 seconds")
	}
	if !o.data {
		w.path = o.input("TimestampPath")
	}
	var isQuery bool
	if w.query, isQuery = o.query("Timestamp"); isQuery {
		return w
	}
	if at, ok := o.string("Timestamp"); ok {
		if w.moment, ok = parseTimestamp(at); !ok {
			o.hinted("Timestamp", "Write it as in 2026-03-14T01:59:00Z", textNotTimestamp)
		}
	}
	return w
}

func (w *wait) enter(s *step) (run.Event, error) {
	input, err := s.b.state.flow.input(s)
	if err != nil {
		return run.Event{}, err
	}
	until, err := w.until(s, input)
	if err != nil {
		return run.Event{}, err
	}
	f := &waitStarted{stamp: s.stamp(), input: input, timer: s.x.lastTimer + 1}
	return event(f, run.SetTimer{Timer: f.timer, At: until}), nil
}

func (w *wait) until(s *step, input value.Value) (time.Time, error) {
	if w.seconds.path != nil {
		n, err := secondsAt(s, w.seconds.path, input)
		return after(s.in.Now, n), err
	}
	if w.seconds.isSet() {
		n, err := w.seconds.whole(s, input, 0, 0)
		return after(s.in.Now, n), err
	}
	if w.query != nil {
		v, err := w.query.eval(s, input)
		at, ok := parseTimestamp(v.Text())
		if err == nil && !ok {
			err = w.query.unexpected("timestamp", v)
		}
		return at, err
	}
	if w.path == nil {
		return w.moment, nil
	}
	v, err := w.path.Eval(s.scope(input))
	if err != nil {
		return time.Time{}, noReference(err, "TimestampPath")
	}
	at, ok := parseTimestamp(v.Text())
	if v.Kind() != value.String || !ok {
		return time.Time{}, runtimeError("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", w.path, plain(v))
	}
	return at, nil
}

// secondsAt is the number of seconds that path leads to from input.
func secondsAt(s *step, path *expr.Path, input value.Value) (int64, error) {
	v, err := path.Eval(s.scope(input))
	if err != nil {
		return 0, noReference(err, "SecondsPath")
	}
	n, ok := v.Int64()
	switch {
	case !ok:
		return 0, runtimeError("The SecondsPath parameter cannot be parsed as a long value: %s == %s", path, plain(v))
	case n < 0:
		return 0, runtimeError("The SecondsPath parameter references a negative value: %s == %d", path, n)
	}
	return n, nil
}

// noReference is err as a Wait words a path that leads nowhere.
func noReference(err error, field string) error {
	var ee *expr.Error
	if errors.As(err, &ee) && ee.Kind == expr.NotFound {
		return runtimeError("The %s parameter does not reference an input value: %s", field, ee.Path)
	}
	return err
}

// parseTimestamp reads RFC 3339's date-time with the further conditions of the specification: an upper-case T, and an
// offset or an upper-case Z.
func parseTimestamp(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err == nil
}

// waitStarted is the fact that the branch waits.
type waitStarted struct {
	stamp
	input value.Value // effective
	timer run.TimerID
}

func (f *waitStarted) Kind() run.EventKind { return kindWaitStarted }

func (f *waitStarted) events() uint64 { return 0 }

func (f *waitStarted) apply(x *execution, b *branch) {
	b.result = f.input
	b.phase = phaseWait
	x.openTimer(b, f.timer)
}

// openTimer makes b wait for t.
func (x *execution) openTimer(b *branch, t run.TimerID) {
	b.timer, x.timers[t], x.lastTimer = t, b, t
}

func (f *waitStarted) history(*historian) {}

func (f *waitStarted) Encode(e *value.Encoder) {
	f.encode(e)
	e.Value(f.input)
	e.Uint(uint64(f.timer))
}

func (f *waitStarted) decode(_ *Definition, d *value.Decoder) {
	f.stamp.decode(d)
	f.input = d.Value()
	f.timer = run.TimerID(d.Uint())
}
