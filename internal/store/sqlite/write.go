package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// store writes a unit that was judged OK.
func (s *Store) store(ctx context.Context, u *store.Unit) error {
	owner := run.ID(0)
	if u.Run != nil {
		owner = u.Run.ID
	}
	for _, v := range u.Values { // first: rows refer to them
		if err := s.storeValue(owner, v); err != nil {
			return err
		}
	}
	if u.Run != nil {
		if err := s.storeRun(u.Run); err != nil {
			return err
		}
	}
	for _, c := range u.Jobs {
		if err := s.storeJob(c); err != nil {
			return err
		}
	}
	for _, c := range u.Objects {
		if err := s.storeObject(c); err != nil {
			return err
		}
	}
	for i := range u.Inbox {
		if err := s.storeInbox(ctx, &u.Inbox[i]); err != nil {
			return err
		}
	}
	for _, r := range u.Requests {
		open, err := s.guard.JobOpen(ctx, r.Job)
		if err != nil {
			return err
		}
		if open {
			if err := s.do.answered.exec(int64(r.Job), int64(r.Kind.Replaces())); err != nil {
				return err
			}
			if err := s.do.request.exec(int64(r.Job), int64(r.Kind), r.Why); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish appends to the feed.
func (s *Store) publish(kind store.SubjectKind, subject int64, first uint64, count int, position uint64, data []byte) error {
	s.lastSeq++
	return s.do.frame.exec(s.lastSeq, int64(kind), subject, int64(first), int64(count), int64(position), blob(data))
}

// blob is nil for a NULL where there are no data.
func blob(data []byte) any {
	if data == nil {
		return nil
	}
	return data
}

func (s *Store) storeRun(c *store.RunChange) error {
	id := int64(c.ID)
	if c.Count > 0 {
		if err := s.publish(store.SubjectRun, id, c.First, c.Count, c.Position, c.Frame); err != nil {
			return err
		}
	} else if c.Row != nil {
		if err := s.publish(store.SubjectRun, id, c.First, 0, c.Position, nil); err != nil {
			return err
		}
	}
	if c.Row != nil {
		if err := s.storeRow(c.ID, c.Row, c.First == 1); err != nil {
			return err
		}
	}
	if snap := c.Snapshot; snap != nil {
		if err := s.do.snapshot.exec(id, int64(snap.Next), int64(snap.Version), snap.Data); err != nil {
			return err
		}
	}
	for _, row := range c.Consumed {
		if err := s.do.consume.exec(row, id); err != nil {
			return err
		}
	}
	if err := s.storeTimers(c); err != nil {
		return err
	}
	for i := range c.Children {
		if err := s.storeRun(&c.Children[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) storeTimers(c *store.RunChange) error {
	if c.Row != nil && c.Row.Status.Ended() {
		if err := s.do.clearTimers.exec(int64(c.ID)); err != nil {
			return err
		}
		return s.do.clearInbox.exec(int64(c.ID))
	}
	for _, t := range c.Timers {
		var err error
		if t.At.IsZero() {
			err = s.do.clearTimer.exec(int64(c.ID), int64(t.Timer))
		} else {
			err = s.do.setTimer.exec(int64(c.ID), int64(t.Timer), millis(t.At))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// storeRow inserts or replaces a run's row. Until its first frame the run may be new.
func (s *Store) storeRow(id run.ID, r *store.Run, first bool) error {
	var e value.Encoder
	encodeRun(&e, r)
	for _, v := range e.Blobs() {
		if err := s.storeValue(id, v); err != nil {
			return err
		}
	}
	var name, ended any
	resident := int64(0)
	if r.Name != "" {
		name = r.Name
	}
	if r.Status.Ended() {
		ended = millis(r.Ended)
	} else if r.Resident {
		resident = 1
	}
	s.lastRun.Store(max(s.lastRun.Load(), int64(id)))
	if first {
		if err := s.refer(id, r.Definition); err != nil {
			return err
		}
		for label, v := range r.Labels {
			if err := s.do.runLabel.exec(label, v, int64(id)); err != nil {
				return err
			}
		}
	}
	return s.do.run.exec(int64(id), r.Owner, r.Machine, name, int64(r.Parent), int64(r.Status), resident, ended, e.Bytes())
}

// storeValue stores v unless it is there, and says that owner names it.
func (s *Store) storeValue(owner run.ID, v value.Blob) error {
	id, err := s.valueID(v.Digest)
	if err != nil {
		return err
	}
	if id == 0 {
		s.lastValue++
		id = s.lastValue
		s.valueIDs[v.Digest] = id
		if err := s.do.value.exec(id, digestKey(v.Digest), v.Digest[:], blob(v.Text())); err != nil {
			return err
		}
	}
	return s.do.ref.exec(int64(owner), id)
}

// refer says that owner names a value that may have been stored by another.
func (s *Store) refer(owner run.ID, d value.Digest) error {
	id, err := s.valueID(d)
	if id == 0 || err != nil {
		return err
	}
	return s.do.ref.exec(int64(owner), id)
}

// valueID is the number of a stored value; 0 where it is not.
func (s *Store) valueID(d value.Digest) (int64, error) {
	if id, ok := s.valueIDs[d]; ok {
		return id, nil
	}
	row, err := s.do.valueID.row(digestKey(d), d[:])
	if row == nil || err != nil {
		return 0, err
	}
	id := row[0].(int64)
	s.valueIDs[d] = id
	return id, nil
}

func (s *Store) storeInbox(ctx context.Context, row *store.InboxRow) error {
	open, err := s.guard.RunOpen(ctx, row.Run)
	if err != nil || !open {
		return err
	}
	var e value.Encoder
	e.Value(row.Data)
	for _, v := range e.Blobs() {
		if err := s.storeValue(row.Run, v); err != nil {
			return err
		}
	}
	s.lastInbox++
	return s.do.inbox.exec(s.lastInbox, int64(row.Run), row.Key, int64(row.Kind), int64(row.Task), row.Ref, row.Name, e.Bytes())
}

func (s *Store) storeJob(c store.JobChange) error {
	j := c.Job
	row, event, err := c.Encode()
	if err != nil {
		return fmt.Errorf("encoding job %d: %w", j.ID, err)
	}
	if err := s.publish(store.SubjectJob, int64(j.ID), uint64(j.Version), 1, 0, event); err != nil {
		return err
	}
	var ended, expires any
	if !j.Expires.IsZero() {
		expires = millis(j.Expires)
	}
	for _, kind := range c.Answered {
		if err := s.do.answered.exec(int64(j.ID), int64(kind)); err != nil {
			return err
		}
	}
	if j.State.Ended() {
		ended = millis(j.Ended)
		if err := s.do.clearRequests.exec(int64(j.ID)); err != nil {
			return err
		}
	}
	if j.Version > 1 {
		err = s.do.updateJob.exec(j.Version, int64(j.State), ended, expires, row, int64(j.ID))
	} else {
		err = s.insertJob(c, row, ended)
	}
	if err != nil {
		return err
	}
	for i := range c.Replicas {
		r := &c.Replicas[i]
		data, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("encoding replica %v: %w", r.Proc, err)
		}
		if err := s.do.replica.exec(int64(j.ID), int64(r.Proc.Child), int64(r.Proc.Replica), int64(r.State), data); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) insertJob(c store.JobChange, row []byte, ended any) error {
	j := c.Job
	spec, err := json.Marshal(j.Spec)
	if err != nil {
		return fmt.Errorf("encoding spec of job %d: %w", j.ID, err)
	}
	s.lastJob.Store(max(s.lastJob.Load(), int64(j.ID)))
	var key any
	if j.Key != "" {
		key = j.Key
	}
	err = s.do.insertJob.exec(int64(j.ID), j.Version, j.Owner, j.Spec.Space, j.Name, key, j.Spec.Queue, j.Run, int64(j.State), ended, row)
	if err != nil {
		return err
	}
	for name, v := range j.Spec.Labels {
		if err := s.do.jobLabel.exec(name, v, int64(j.ID)); err != nil {
			return err
		}
	}
	return s.do.spec.exec(int64(j.ID), spec)
}

func (s *Store) storeObject(c store.ObjectChange) error {
	o := c.Object
	event, err := c.Event()
	if err != nil {
		return fmt.Errorf("encoding %s %q: %w", o.Kind, o.Name, err)
	}
	labels, err := json.Marshal(o.Labels)
	if err != nil {
		return fmt.Errorf("encoding labels of %s %q: %w", o.Kind, o.Name, err)
	}
	row, err := s.do.objectID.row(o.Kind, o.Space, o.Name)
	if err != nil {
		return err
	}
	deleted := int64(0)
	if o.Deleted {
		deleted = 1
	}
	id := s.lastObject + 1
	if row == nil {
		s.lastObject = id
		err = s.do.insertObject.exec(id, o.Kind, o.Space, o.Name, o.Version, deleted)
	} else {
		id = row[0].(int64)
		err = s.do.updateObject.exec(o.Version, deleted, id)
	}
	if err != nil {
		return err
	}
	if err := s.publish(store.SubjectObject, id, uint64(o.Version), 1, 0, event); err != nil {
		return err
	}
	return s.do.newVersion.exec(id, o.Version, o.Owner, millis(o.Created), millis(o.Updated), string(labels), deleted, o.Data.AppendJSON(nil))
}
