package catalog

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Stored says what became of a document.
type Stored struct {
	*store.Object
	Changed bool // false: it is what was stored already, and Object the version that was there
}

// Put stores a document that manifest read. Where it is what is stored already, nothing changes, and stored is the
// version that was there.
func (c *Catalog) Put(ctx context.Context, by Caller, p manifest.Parsed) (stored *store.Object, changed bool, err error) {
	all, err := c.PutAll(ctx, by, []manifest.Parsed{p})
	if err != nil {
		return nil, false, err
	}
	return all[0].Object, all[0].Changed, nil
}

// PutAll is Put of several documents, which may refer to those before them: all are stored, or none.
func (c *Catalog) PutAll(ctx context.Context, by Caller, docs []manifest.Parsed) ([]Stored, error) {
	for i, p := range docs {
		if err := c.check(ctx, by, p, docs[:i]); err != nil {
			return nil, err
		}
	}
	for range 3 {
		all, changes, err := c.next(ctx, by, docs)
		if err != nil || len(changes) == 0 {
			return all, err
		}
		if ok, err := c.Save(ctx, changes...); ok || err != nil {
			return all, err
		}
	}
	return nil, &Error{"storing", docs[0].Kind, docs[0].Name, ErrBusy, "try again"}
}

// next gives for each document what is to be stored of it, or is already; changes are those that are to be.
func (c *Catalog) next(ctx context.Context, by Caller, docs []manifest.Parsed) (all []Stored, changes []*store.Object, err error) {
	now := c.now().UTC().Truncate(time.Millisecond)
	ours := map[cacheKey]*store.Object{} // the latest of the documents themselves
	for _, p := range docs {
		key := cacheKey{kind: string(p.Kind), space: p.Space, name: p.Name}
		latest := ours[key]
		if latest == nil {
			if latest, err = c.Latest(ctx, p.Kind, p.Space, p.Name); err != nil {
				return nil, nil, err
			}
		}
		o, err := following(latest, by, p, now)
		if err != nil {
			return nil, nil, err
		}
		if o != latest {
			ours[key] = o
			changes = append(changes, o)
		}
		all = append(all, Stored{o, o != latest})
	}
	return all, changes, nil
}

// following is the version of an object that follows latest, which may be nil; it is latest where nothing changes.
func following(latest *store.Object, by Caller, p manifest.Parsed, now time.Time) (*store.Object, error) {
	o := &store.Object{
		Kind: string(p.Kind), Space: p.Space, Name: p.Name, Owner: by.Owner, Version: 1,
		Created: now, Updated: now, Labels: p.Labels, Data: p.Data,
	}
	if latest == nil {
		return o, nil
	}
	if !by.MayChange(latest) {
		return nil, &Error{"storing", p.Kind, p.Name, ErrForbidden, "it belongs to " + latest.Owner + "; take another name"}
	}
	o.Owner, o.Created, o.Version = latest.Owner, latest.Created, latest.Version+1
	if p.Kind == manifest.KindStateMachine && !latest.Deleted {
		reapplied(latest, o)
	}
	if !latest.Deleted && maps.Equal(latest.Labels, o.Labels) && value.Equal(latest.Data, o.Data) {
		return latest, nil
	}
	return o, nil
}

// check refuses what could never be used. before are documents that are stored with it.
func (c *Catalog) check(ctx context.Context, by Caller, p manifest.Parsed, before []manifest.Parsed) error {
	switch {
	case p.Kind == manifest.KindJob:
		return &Error{"storing", p.Kind, p.Name, ErrInvalid, "a job is run, not stored: tutti run FILE"}
	case p.Generate:
		return &Error{"storing", p.Kind, p.Name, ErrInvalid, "an object that is kept needs metadata.name"}
	case isSite(p.Kind) && !by.Admin:
		return &Error{"storing", p.Kind, p.Name, ErrForbidden, "it is for everybody on the machine, so only the server's own user and root may change it"}
	case p.Kind == manifest.KindJobQueue:
		for _, environment := range manifest.ReadQueue(p.Data).Environments {
			if holds(before, manifest.KindComputeEnvironment, environment) {
				continue
			}
			if _, err := c.Resolve(ctx, by, manifest.KindComputeEnvironment, environment); err != nil {
				return &Error{"storing", p.Kind, p.Name, ErrInvalid, err.Error()}
			}
		}
	}
	return nil
}

// holds says whether one of docs is what a name or ARN means.
func holds(docs []manifest.Parsed, kind Kind, nameOrARN string) bool {
	name, _, ok := split(kind, nameOrARN)
	return ok && slices.ContainsFunc(docs, func(p manifest.Parsed) bool { return p.Kind == kind && p.Name == name })
}
