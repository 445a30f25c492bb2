package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// data is what is durable. Rows are replaced, never changed, so that a clone may share them.
type data struct {
	feed   []store.Change // dense; the first has Seq pruned+1
	pruned int64          // Seq of the last change that is no longer kept

	runs      map[run.ID]*store.Run
	runIDs    []int64 // ascending
	runNames  map[store.RunName]run.ID
	frames    map[run.ID][]store.Change
	snapshots map[run.ID]*store.Snapshot
	timers    map[run.ID][]store.Timer // in no order
	inbox     map[run.ID][]store.InboxRow
	lastRun   run.ID
	lastInbox int64

	jobs     map[job.ID]*job.Job
	jobIDs   []int64 // ascending
	jobNames map[store.JobName]job.ID
	jobKeys  map[string]job.ID
	replicas map[job.ID][]job.Replica
	requests map[requestKey]string
	lastJob  job.ID

	objects map[store.ObjectName]object
	values  map[value.Digest][]byte
	// owners are the runs that named a value; run 0 stands for what is never pruned.
	owners map[value.Digest]map[run.ID]bool
	owned  map[run.ID][]value.Digest // the other way round
}

type requestKey struct {
	job  job.ID
	kind store.JobRequestKind
}

type object struct {
	number   int64
	versions []*store.Object // from version 1
}

func (o object) latest() *store.Object { return o.versions[len(o.versions)-1] }

func newData() *data {
	return &data{
		runs:      make(map[run.ID]*store.Run),
		runNames:  make(map[store.RunName]run.ID),
		frames:    make(map[run.ID][]store.Change),
		snapshots: make(map[run.ID]*store.Snapshot),
		timers:    make(map[run.ID][]store.Timer),
		inbox:     make(map[run.ID][]store.InboxRow),
		jobs:      make(map[job.ID]*job.Job),
		jobNames:  make(map[store.JobName]job.ID),
		jobKeys:   make(map[string]job.ID),
		replicas:  make(map[job.ID][]job.Replica),
		requests:  make(map[requestKey]string),
		objects:   make(map[store.ObjectName]object),
		values:    make(map[value.Digest][]byte),
		owners:    make(map[value.Digest]map[run.ID]bool),
		owned:     make(map[run.ID][]value.Digest),
	}
}

// clone returns a copy that is changed apart from d.
func (d *data) clone() *data {
	c := *d
	c.feed = slices.Clone(d.feed)
	c.runs = maps.Clone(d.runs)
	c.runIDs = slices.Clone(d.runIDs)
	c.runNames = maps.Clone(d.runNames)
	c.frames = maps.Clone(d.frames)
	for id, frames := range c.frames {
		c.frames[id] = slices.Clip(frames) // the next append copies
	}
	c.snapshots = maps.Clone(d.snapshots)
	c.timers = maps.Clone(d.timers)
	c.inbox = maps.Clone(d.inbox)
	c.jobs = maps.Clone(d.jobs)
	c.jobIDs = slices.Clone(d.jobIDs)
	c.jobNames = maps.Clone(d.jobNames)
	c.jobKeys = maps.Clone(d.jobKeys)
	c.replicas = maps.Clone(d.replicas)
	c.requests = maps.Clone(d.requests)
	c.objects = maps.Clone(d.objects)
	c.values = maps.Clone(d.values)
	c.owners = make(map[value.Digest]map[run.ID]bool, len(d.owners))
	for digest, owners := range d.owners {
		c.owners[digest] = maps.Clone(owners)
	}
	c.owned = maps.Clone(d.owned)
	for id, digests := range c.owned {
		c.owned[id] = slices.Clip(digests)
	}
	return &c
}

// publish gives c its place in the feed.
func (d *data) publish(c store.Change) store.Change {
	c.Seq = d.lastChange() + 1
	d.feed = append(d.feed, c)
	return c
}

func (d *data) lastChange() int64 { return d.pruned + int64(len(d.feed)) }

// with returns the ascending ids and id.
func with(ids []int64, id int64) []int64 {
	i, _ := slices.BinarySearch(ids, id)
	return slices.Insert(ids, i, id)
}

func (d *data) keepValue(owner run.ID, v value.Blob) {
	if _, ok := d.values[v.Digest]; !ok {
		d.values[v.Digest] = slices.Clone(v.Text())
	}
	d.keepDigest(owner, v.Digest)
}

// keepDigest says that owner names the value.
func (d *data) keepDigest(owner run.ID, digest value.Digest) {
	if d.owners[digest] == nil {
		d.owners[digest] = make(map[run.ID]bool)
	}
	if !d.owners[digest][owner] {
		d.owners[digest][owner] = true
		d.owned[owner] = append(d.owned[owner], digest)
	}
}

// The facts that a store.Guard asks for.

// RunHead implements store.Facts.
func (d *data) RunHead(_ context.Context, id run.ID) (store.RunHead, error) {
	r := d.runs[id]
	if r == nil {
		return store.RunHead{}, nil
	}
	h := store.RunHead{Next: 1, Ended: r.Status.Ended()}
	if f := d.frames[id]; len(f) > 0 {
		last := f[len(f)-1]
		h.Next = last.First + uint64(last.Count)
	}
	return h, nil
}

// JobHead implements store.Facts.
func (d *data) JobHead(_ context.Context, id job.ID) (store.JobHead, error) {
	j := d.jobs[id]
	if j == nil {
		return store.JobHead{}, nil
	}
	return store.JobHead{Version: j.Version, Ended: j.State.Ended()}, nil
}

// ObjectHead implements store.Facts.
func (d *data) ObjectHead(_ context.Context, name store.ObjectName) (int64, error) {
	return int64(len(d.objects[name].versions)), nil
}

// RunNamed implements store.Facts.
func (d *data) RunNamed(_ context.Context, name store.RunName) (bool, error) {
	_, ok := d.runNames[name]
	return ok, nil
}

// JobNamed implements store.Facts.
func (d *data) JobNamed(_ context.Context, name store.JobName) (bool, error) {
	_, ok := d.jobNames[name]
	return ok, nil
}

// JobKeyed implements store.Facts.
func (d *data) JobKeyed(_ context.Context, key string) (bool, error) {
	_, ok := d.jobKeys[key]
	return ok, nil
}
