// Package catalog keeps the named, versioned objects that runs and jobs refer to: state machines, config maps, job
// definitions, queues, compute environments, clusters, functions. It stores them through the store's writer, keeps their
// owners apart, finds them by name or ARN, and says what an unknown name could have been.
//
// It starts nothing and knows no wire format: files are manifest's, requests are server's.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
)

// Kind is a kind of object.
type Kind = manifest.Kind

// Caller is who asks. Admins may do everything.
type Caller struct {
	Owner string
	Admin bool
}

// LabelShared, set to "true", lets everybody use an object; only its owner may change it.
const LabelShared = "tutti.dev/shared"

// siteKinds are what belongs to the machine rather than to a user: everybody may use them, only admins change them. A
// function's program runs with the server's rights, and a queue's priority and room are everybody's concern.
var siteKinds = []Kind{manifest.KindJobQueue, manifest.KindComputeEnvironment, manifest.KindCluster, manifest.KindFunction}

// Causes of an Error, told apart with errors.Is; an object that is not there, or not the caller's to see, is
// store.ErrNotFound.
var (
	ErrForbidden = errors.New("not yours")
	ErrInvalid   = errors.New("invalid")
	ErrBusy      = errors.New("changed by others all the time")
)

// Error says what could not be done with an object.
type Error struct {
	Op   string // in the gerund, such as storing
	Kind Kind
	Name string
	Err  error
	Hint string // what to do, a sentence without its full stop
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s %q: %v", e.Op, e.Kind, e.Name, e.Err)
	if e.Hint != "" {
		text += ": " + e.Hint
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Catalog is the catalogue of one server.
type Catalog struct {
	Site
	store  store.Store
	writer *store.Writer
	now    func() time.Time
	cache  cache
}

// New returns the catalogue that s holds. Its Site may be set before it is used.
func New(s store.Store, w *store.Writer, now func() time.Time) *Catalog {
	return &Catalog{Site: Site{"local", "000000000000"}, store: s, writer: w, now: now}
}

// Save stores versions of objects as they are, all of them or none: it is false where somebody else was faster and one is
// no longer next to the latest. It asks nobody's leave.
func (c *Catalog) Save(ctx context.Context, objects ...*store.Object) (bool, error) {
	u := &store.Unit{}
	for _, o := range objects {
		u.Objects = append(u.Objects, store.ObjectChange{Object: o})
	}
	v, err := c.writer.Commit(ctx, u)
	c.cache.stored(objects)
	return v == store.OK, err
}

// Latest is the newest version of an object, deleted or not, whoever it belongs to; nil where there never was one.
func (c *Catalog) Latest(ctx context.Context, kind Kind, space, name string) (*store.Object, error) {
	o, err := c.object(ctx, kind, space, name, 0)
	if !errors.Is(err, store.ErrNotFound) {
		return o, err
	}
	all, err := c.store.Versions(ctx, string(kind), space, name)
	if errors.Is(err, store.ErrNotFound) || err == nil && len(all) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Get finds a version of an object that the caller may see; version 0 is the latest.
func (c *Catalog) Get(ctx context.Context, by Caller, kind Kind, space, name string, version int64) (*store.Object, error) {
	o, err := c.object(ctx, kind, space, name, version)
	if err == nil && o.Deleted {
		err = store.ErrNotFound
	}
	if own := implicit(kind, name); own != nil && errors.Is(err, store.ErrNotFound) {
		return own, nil
	}
	switch {
	case err == nil && by.MayRead(o):
		return o, nil
	case err == nil || errors.Is(err, store.ErrNotFound):
		hint := c.others(ctx, by, kind, space)
		if latest, err := c.store.Object(ctx, string(kind), space, name, 0); version != 0 && err == nil && !latest.Deleted && by.MayRead(latest) {
			hint = fmt.Sprintf("there is no version %d of it that is kept; the latest is %d", version, latest.Version)
		}
		return nil, &Error{"finding", kind, name, store.ErrNotFound, hint}
	}
	return nil, err
}

// List gives the latest versions of the objects that the caller may see, by name; space "*" is all.
func (c *Catalog) List(ctx context.Context, by Caller, kind Kind, space string) ([]*store.Object, error) {
	all, err := c.store.Objects(ctx, string(kind), space)
	if err != nil {
		return nil, err
	}
	for _, name := range implicitNames(kind) {
		if !slices.ContainsFunc(all, func(o *store.Object) bool { return o.Name == name }) {
			all = append(all, implicit(kind, name))
		}
	}
	all = slices.DeleteFunc(all, func(o *store.Object) bool { return !by.MayRead(o) })
	slices.SortStableFunc(all, func(a, b *store.Object) int {
		return strings.Compare(a.Space+"\x00"+a.Name, b.Space+"\x00"+b.Name)
	})
	return all, nil
}

// Versions lists the versions of an object that the caller may see, latest first.
func (c *Catalog) Versions(ctx context.Context, by Caller, kind Kind, space, name string) ([]*store.Object, error) {
	all, err := c.store.Versions(ctx, string(kind), space, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(o *store.Object) bool { return !by.MayRead(o) })
	if len(all) == 0 {
		return nil, &Error{"finding", kind, name, store.ErrNotFound, c.others(ctx, by, kind, space)}
	}
	return all, nil
}

// Delete marks an object as deleted. Runs that pinned a version keep it.
func (c *Catalog) Delete(ctx context.Context, by Caller, kind Kind, space, name string) error {
	for range 3 {
		o, err := c.Get(ctx, by, kind, space, name, 0)
		if err != nil {
			return err
		}
		if !by.MayChange(o) || o.Version == 0 {
			return &Error{"deleting", kind, name, ErrForbidden, "it belongs to " + o.Owner}
		}
		if err := c.unused(ctx, o); err != nil {
			return err
		}
		mark := *o
		mark.Version, mark.Updated, mark.Deleted = o.Version+1, c.now().UTC().Truncate(time.Millisecond), true
		if ok, err := c.Save(ctx, &mark); ok || err != nil {
			return err
		}
	}
	return &Error{"deleting", kind, name, ErrBusy, "try again"}
}

// unused refuses to delete a compute environment that a queue counts on.
func (c *Catalog) unused(ctx context.Context, o *store.Object) error {
	if Kind(o.Kind) != manifest.KindComputeEnvironment {
		return nil
	}
	queues, err := c.store.Objects(ctx, string(manifest.KindJobQueue), "")
	if err != nil {
		return err
	}
	for _, q := range queues {
		for _, name := range manifest.ReadQueue(q.Data).Environments {
			if name, _, _ := split(manifest.KindComputeEnvironment, name); name == o.Name {
				return &Error{"deleting", manifest.KindComputeEnvironment, o.Name, ErrInvalid, "the queue " + q.Name + " uses it; change or delete the queue first"}
			}
		}
	}
	return nil
}

// others names what there is, for somebody who asked for what is not.
func (c *Catalog) others(ctx context.Context, by Caller, kind Kind, space string) string {
	const most = 10
	all, err := c.List(ctx, by, kind, space)
	if err != nil {
		return ""
	}
	var names []string
	for _, o := range all {
		names = append(names, o.Name)
	}
	if len(names) == 0 {
		return "there is none; make one with: tutti apply -f FILE"
	}
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return "there are " + strings.Join(names, ", ") + "; make one with: tutti apply -f FILE"
}

func isSite(kind Kind) bool { return slices.Contains(siteKinds, kind) }

// MayRead reports whether the caller may see and use o.
func (by Caller) MayRead(o *store.Object) bool {
	return by.Admin || by.Owner == o.Owner || isSite(Kind(o.Kind)) || o.Labels[LabelShared] == "true"
}

// MayChange reports whether the caller may replace and delete o.
func (by Caller) MayChange(o *store.Object) bool {
	return by.Admin || by.Owner == o.Owner && !isSite(Kind(o.Kind))
}

// order is that in which documents can refer to each other.
var order = []Kind{
	manifest.KindNamespace, manifest.KindServiceAccount, manifest.KindConfigMap, manifest.KindCluster, manifest.KindFunction,
	manifest.KindComputeEnvironment, manifest.KindJobQueue, manifest.KindJobDefinition, manifest.KindStateMachine, manifest.KindJob,
}

// Sort puts documents into an order in which each comes after what it may refer to.
func Sort(docs []manifest.Parsed) {
	slices.SortStableFunc(docs, func(a, b manifest.Parsed) int {
		return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
	})
}
