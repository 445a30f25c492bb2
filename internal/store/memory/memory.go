// Package memory is a store in memory, for the simulation and for tests: what a Commit made durable outlives a Crash,
// what it had not is lost. Commits fail where its owner says so.
//
// It is no cache and no fast path: it keeps everything, copies on every crash, and gives its answers in the order that
// the port promises, whatever the order of its maps.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// Fault says how a Commit fails.
type Fault uint8

// The faults. After either the store takes no more commits, and nobody is told what became of the units.
const (
	None    Fault = iota
	Lost          // nothing is durable
	Durable       // everything is durable, but Commit answers with an error all the same
)

// ErrFault is what a Commit that was told to fail answers.
var ErrFault = errors.New("injected fault")

// Options are what a store is made with.
type Options struct {
	// Fault, where set, is asked before every Commit whether that is to fail.
	Fault func(units []*store.Unit) Fault
	// Secret is the store's secret; nil: one is drawn.
	Secret []byte
}

// Store is a store.Store. What it has handed out or taken in is not changed by anybody.
type Store struct {
	options Options
	epoch   int64
	latest  *atomic.Int64 // epoch of the newest store on the same data

	mu     sync.RWMutex // guards failed and data
	failed error
	data   *data
}

// New returns an empty store.
func New(o Options) *Store {
	if o.Secret == nil {
		o.Secret = make([]byte, 32)
		_, _ = rand.Read(o.Secret) // which never fails
	}
	s := &Store{options: o, epoch: 1, latest: new(atomic.Int64), data: newData()}
	s.latest.Store(1)
	return s
}

// Crash returns what a server finds that starts anew after this one died: all that was durable, and nothing else. From
// now on the old store answers Commit with store.ErrFenced.
func (s *Store) Crash() *Store {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &Store{options: s.options, epoch: s.latest.Add(1), latest: s.latest, data: s.data.clone()}
}

// Epoch implements store.Store.
func (s *Store) Epoch() int64 { return s.epoch }

// Secret implements store.Store.
func (s *Store) Secret() []byte { return s.options.Secret }

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, units []*store.Unit) ([]store.Verdict, error) {
	fault := None
	if s.options.Fault != nil {
		fault = s.options.Fault(units)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != s.latest.Load() {
		return nil, fmt.Errorf("committing in epoch %d: %w", s.epoch, store.ErrFenced)
	}
	if s.failed != nil {
		return nil, s.failed
	}
	if fault == Lost {
		s.failed = ErrFault
		return nil, ErrFault
	}
	guard := store.NewGuard(s.data)
	verdicts := make([]store.Verdict, len(units))
	for i, u := range units {
		v, err := guard.Judge(ctx, u)
		if err != nil {
			return nil, err
		}
		if v == store.OK {
			if err := s.data.apply(u); err != nil {
				s.failed = err
				return nil, err
			}
		}
		verdicts[i] = v
	}
	if fault == Durable {
		s.failed = ErrFault
		return nil, ErrFault
	}
	return verdicts, nil
}

// apply stores a unit that was judged OK.
func (d *data) apply(u *store.Unit) error {
	owner := run.ID(0)
	if u.Run != nil {
		owner = u.Run.ID
	}
	for _, v := range u.Values {
		d.keepValue(owner, v)
	}
	if u.Run != nil {
		d.applyRun(u.Run)
	}
	for _, c := range u.Jobs {
		if err := d.applyJob(c); err != nil {
			return err
		}
	}
	for _, c := range u.Objects {
		if err := d.applyObject(c); err != nil {
			return err
		}
	}
	for _, row := range u.Inbox {
		d.applyInbox(row)
	}
	for _, r := range u.Requests {
		if j := d.jobs[r.Job]; j != nil && !j.State.Ended() {
			key := requestKey{r.Job, r.Kind}
			delete(d.requests, requestKey{r.Job, r.Kind.Replaces()})
			if _, ok := d.requests[key]; !ok {
				d.requests[key] = r.Why
			}
		}
	}
	return nil
}

func (d *data) applyRun(c *store.RunChange) {
	if c.Count > 0 || c.Row != nil {
		change := store.Change{
			Subject: store.Subject{Kind: store.SubjectRun, ID: int64(c.ID)},
			First:   c.First, Count: c.Count, Position: c.Position,
		}
		if c.Count > 0 {
			change.Data = bytes.Clone(c.Frame)
		}
		change = d.publish(change)
		if c.Count > 0 {
			d.frames[c.ID] = append(d.frames[c.ID], change)
		}
	}
	if c.Row != nil {
		d.putRun(c.ID, c.Row)
	}
	if c.Snapshot != nil {
		snapshot := *c.Snapshot
		snapshot.Data = bytes.Clone(snapshot.Data)
		d.snapshots[c.ID] = &snapshot
	}
	if len(c.Consumed) > 0 {
		d.inbox[c.ID] = slices.DeleteFunc(slices.Clone(d.inbox[c.ID]), func(row store.InboxRow) bool {
			return slices.Contains(c.Consumed, row.ID)
		})
	}
	d.applyTimers(c.ID, c.Timers)
	if d.runs[c.ID].Status.Ended() { // and waits for nothing
		delete(d.inbox, c.ID)
		delete(d.timers, c.ID)
	}
	for i := range c.Children {
		d.applyRun(&c.Children[i])
	}
}

func (d *data) putRun(id run.ID, row *store.Run) {
	stored := *row
	stored.ID = id
	if d.runs[id] == nil {
		d.runIDs = with(d.runIDs, int64(id))
		d.lastRun = max(d.lastRun, id)
		d.keepDigest(id, row.Definition)
		if row.Name != "" {
			d.runNames[store.RunName{Owner: row.Owner, Machine: row.Machine, Name: row.Name}] = id
		}
	}
	d.runs[id] = &stored
}

func (d *data) applyTimers(id run.ID, changes []store.Timer) {
	if len(changes) == 0 {
		return
	}
	timers := slices.Clone(d.timers[id])
	for _, change := range changes {
		timers = slices.DeleteFunc(timers, func(t store.Timer) bool { return t.Timer == change.Timer })
		if !change.At.IsZero() {
			timers = append(timers, store.Timer{Run: id, Timer: change.Timer, At: change.At})
		}
	}
	d.timers[id] = timers
}

func (d *data) applyJob(c store.JobChange) error {
	_, event, err := c.Encode()
	if err != nil {
		return fmt.Errorf("encoding job %d: %w", c.Job.ID, err)
	}
	d.publish(store.Change{
		Subject: store.Subject{Kind: store.SubjectJob, ID: int64(c.Job.ID)},
		First:   uint64(c.Job.Version), Count: 1, Data: event,
	})
	id, stored := c.Job.ID, *c.Job
	if was := d.jobs[id]; was != nil {
		stored.Spec = was.Spec
	} else {
		d.jobIDs = with(d.jobIDs, int64(id))
		d.lastJob = max(d.lastJob, id)
		d.jobNames[store.NameOf(&stored)] = id
		if stored.Key != "" {
			d.jobKeys[stored.Key] = id
		}
	}
	d.jobs[id] = &stored
	if len(c.Replicas) > 0 {
		d.replicas[id] = mergeReplicas(d.replicas[id], c.Replicas)
	}
	if stored.State.Ended() {
		maps.DeleteFunc(d.requests, func(k requestKey, _ string) bool { return k.job == id })
	}
	for _, kind := range c.Answered {
		delete(d.requests, requestKey{id, kind})
	}
	return nil
}

// mergeReplicas returns the replicas of old and changed in order of child and replica, changed ones taking the place of
// old ones.
func mergeReplicas(old, changed []job.Replica) []job.Replica {
	merged := slices.Clone(old)
	for _, r := range changed {
		i, found := slices.BinarySearchFunc(merged, r, compareReplicas)
		if found {
			merged[i] = r
		} else {
			merged = slices.Insert(merged, i, r)
		}
	}
	return merged
}

func compareReplicas(a, b job.Replica) int {
	return cmp.Or(cmp.Compare(a.Proc.Child, b.Proc.Child), cmp.Compare(a.Proc.Replica, b.Proc.Replica))
}

func (d *data) applyObject(c store.ObjectChange) error {
	event, err := c.Event()
	if err != nil {
		return fmt.Errorf("encoding %s %q: %w", c.Object.Kind, c.Object.Name, err)
	}
	name := store.ObjectName{Kind: c.Object.Kind, Space: c.Object.Space, Name: c.Object.Name}
	o, ok := d.objects[name]
	if !ok {
		o.number = int64(len(d.objects) + 1)
	}
	stored := *c.Object
	o.versions = append(slices.Clone(o.versions), &stored)
	d.objects[name] = o
	d.publish(store.Change{
		Subject: store.Subject{Kind: store.SubjectObject, ID: o.number},
		First:   uint64(stored.Version), Count: 1, Data: event,
	})
	return nil
}

func (d *data) applyInbox(row store.InboxRow) {
	r := d.runs[row.Run]
	if r == nil || r.Status.Ended() {
		return
	}
	for _, waiting := range d.inbox[row.Run] {
		if waiting.Key == row.Key {
			return
		}
	}
	d.lastInbox++
	row.ID = d.lastInbox
	d.inbox[row.Run] = append(slices.Clone(d.inbox[row.Run]), row)
}
