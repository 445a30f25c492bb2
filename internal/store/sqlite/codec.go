package sqlite

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// The forms of run.data, its first byte. A form is never given another meaning.
const (
	formPlain      = 1
	formAttributes = 2 // with the run's attributes at the end
	formRedriven   = 3 // with these, absent or not, and what is known of redrives
)

// encodeRun writes what of a run's row has no column of its own.
func encodeRun(e *value.Encoder, r *store.Run) {
	form := byte(formPlain)
	switch {
	case r.Redrives > 0:
		form = formRedriven
	case !r.Attributes.IsAbsent():
		form = formAttributes
	}
	e.Byte(form)
	e.Text(r.Language)
	e.Text(string(r.Definition[:]))
	e.Text(r.Part)
	e.Uint(uint64(r.ParentTask))
	e.Uint(uint64(len(r.Labels)))
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		e.Text(name)
		e.Text(r.Labels[name])
	}
	e.Time(r.Started)
	e.Time(r.Ended)
	e.Value(r.Input)
	e.Value(r.Output)
	e.Bool(r.Failure != nil)
	if r.Failure != nil {
		e.Text(r.Failure.Error)
		e.Text(r.Failure.Cause)
	}
	e.Text(r.Note)
	if form >= formAttributes {
		e.Value(r.Attributes)
	}
	if form >= formRedriven {
		e.Uint(uint64(r.Redrives))
		e.Time(r.Redriven)
		e.Uint(uint64(len(r.RecentRedrives)))
		for _, x := range r.RecentRedrives {
			e.Text(x.Token)
			e.Time(x.At)
		}
	}
}

// decodeRun is the inverse of encodeRun.
func decodeRun(data []byte, r *store.Run, load func(value.Digest) (value.Value, error)) error {
	d := value.NewDecoder(data, load)
	form := d.Byte()
	if form > formRedriven {
		return fmt.Errorf("run %d: form %d: %w", r.ID, form, store.ErrNewer)
	}
	r.Language = d.Text()
	copy(r.Definition[:], d.Text())
	r.Part = d.Text()
	r.ParentTask = run.TaskID(d.Uint())
	if n := d.Len(); n > 0 {
		r.Labels = make(map[string]string, n)
		for range n {
			name := d.Text()
			r.Labels[name] = d.Text()
		}
	}
	r.Started = d.Time()
	r.Ended = d.Time()
	r.Input = d.Value()
	r.Output = d.Value()
	if d.Bool() {
		r.Failure = &run.Failure{Error: d.Text(), Cause: d.Text()}
	}
	r.Note = d.Text()
	if form >= formAttributes {
		r.Attributes = d.Value()
	}
	if form >= formRedriven {
		r.Redrives = int(d.Uint())
		r.Redriven = d.Time()
		for range d.Len() {
			r.RecentRedrives = append(r.RecentRedrives, store.Redrive{Token: d.Text(), At: d.Time()})
		}
	}
	if err := d.Err(); err != nil {
		return fmt.Errorf("reading run %d: %w: %w", r.ID, store.ErrCorrupt, err)
	}
	return nil
}

// digestKey is value.key. Digests that share it are told apart by the rest.
func digestKey(d value.Digest) int64 { return int64(binary.BigEndian.Uint64(d[:])) }

func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time {
	t := time.UnixMilli(ms).UTC()
	if t.Equal(time.Time{}) {
		return time.Time{}
	}
	return t
}
