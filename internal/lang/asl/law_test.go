package asl

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// checkLaws runs def against script again and again, and holds what every language promises the kernel.
func checkLaws(t *testing.T, def, script string) {
	t.Helper()
	d := partOf(t, compile(t, def), script)
	facts, states := record(t, d, script)
	checkHistory(t, facts)
	checkReplay(t, d, facts, states)
	for _, every := range []int{1, 2, 7} {
		dr := newDriver(t, d, script)
		dr.reload = every
		dr.run()
		if diff := cmp.Diff(states[len(states)-1], dump(dr.state)); diff != "" {
			t.Errorf("reloading after every %d events leads elsewhere:\n%s", every, diff)
		}
	}
}

// record is the facts of a run, and the state after each prefix of them. Deciding twice gives the same, changes nothing,
// and inputs that come again are ignored.
func record(t *testing.T, d run.Definition, script string) (facts []run.Fact, states []string) {
	t.Helper()
	dr := newDriver(t, d, script)
	states = append(states, dump(dr.state))
	dr.onEvent = func(in run.Input, ev run.Event) {
		facts = append(facts, ev.Fact)
		states = append(states, dump(dr.state))
		for _, old := range dr.spent {
			old.Now, old.Token = in.Now, token
			again, err := dr.state.Decide(old)
			if old.Kind != run.Signal && old.Kind != run.Redrive && (err != nil || len(again) > 0) {
				t.Errorf("input %+v came again and gave %v, %v", old, again, err)
			}
		}
		next := run.Input{Kind: run.Step, Now: in.Now, Entropy: 1, Token: token}
		a, errA := dr.state.Decide(next)
		b, errB := dr.state.Decide(next)
		if errA != nil || errB != nil || len(a) != len(b) || len(a) == 1 && !bytes.Equal(encoded(a[0].Fact), encoded(b[0].Fact)) {
			t.Errorf("deciding twice gave %v, %v and %v, %v", a, errA, b, errB)
		}
		if diff := cmp.Diff(states[len(states)-1], dump(dr.state)); diff != "" {
			t.Errorf("deciding changed the state:\n%s", diff)
		}
	}
	dr.run()
	return facts, states
}

func encoded(f run.Fact) []byte {
	var e value.Encoder
	f.Encode(&e)
	return e.Bytes()
}

// checkHistory holds that ids are dense, and that nothing follows from what comes later.
func checkHistory(t *testing.T, facts []run.Fact) {
	t.Helper()
	next := uint64(1)
	for _, f := range facts {
		events := History(f)
		if _, none := f.(mapRunFact); none {
			if len(events) > 0 {
				t.Errorf("%T is %d history events: a map run has none", f, len(events))
			}
			continue
		}
		if want := f.(fact).events(); uint64(len(events)) != want {
			t.Errorf("%T is %d history events, and counts %d", f, len(events), want)
		}
		for _, h := range events {
			if h.ID != next || h.Previous >= h.ID {
				t.Errorf("%T: event %d after %d, in place of %d", f, h.ID, h.Previous, next)
			}
			next++
		}
	}
}

// checkReplay holds that folding facts that were written and read back gives the same states, from every prefix, whether
// that was folded too or came from a snapshot.
func checkReplay(t *testing.T, d run.Definition, facts []run.Fact, states []string) {
	t.Helper()
	folded := d.NewState()
	for i, f := range facts {
		suffix := reload(t, d, folded)
		if diff := cmp.Diff(states[i], dump(suffix)); diff != "" {
			t.Fatalf("a snapshot after %d events holds something else:\n%s", i, diff)
		}
		for j := i; j < len(facts); j++ {
			suffix.Apply(reread(t, d, facts[j]))
		}
		if diff := cmp.Diff(states[len(facts)], dump(suffix)); diff != "" {
			t.Fatalf("folding from a snapshot after %d events leads elsewhere:\n%s", i, diff)
		}
		folded.Apply(reread(t, d, f))
		if diff := cmp.Diff(states[i+1], dump(folded)); diff != "" {
			t.Fatalf("folding %d events leads elsewhere:\n%s", i+1, diff)
		}
	}
}
