// Package sfn is the API of AWS Step Functions: its actions over the catalogue and the kernel. A state machine is an
// object of the catalogue, an execution a run. ARNs are taken apart here; the catalogue makes them.
//
// One file holds each family of actions, errors.go every error, shapes.go what requests look like.
package sfn

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/tutti-ml/tutti/internal/activity"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// Options are what the API stands on. All but Quotas must be set.
type Options struct {
	Store   store.Store
	Kernel  *kernel.Kernel
	Catalog *catalog.Catalog // its Site is the account and the region
	// Activities are where tasks wait for workers.
	Activities *activity.Pool
	Now        func() time.Time
	Rand       func() uint64 // for what aliases route to
	// ReadItems gives the items that an ItemReader, evaluated, finds in a text: an array or an object. TestState uses it.
	ReadItems func(reader value.Value, text string) (value.Value, error)
	// CallHTTP carries out an http:invoke task of TestState, and tells what went over the wire; nothing of that is secret
	// unless revealed.
	CallHTTP func(ctx context.Context, owner string, order run.StartTask, reveal bool) (run.Outcome, HTTPExchange)
	// Express is where Express executions run.
	Express Express
	Quotas  Quotas
	// Refuse says why no new work is taken just now; nil where it is.
	Refuse func() error
}

// service holds the actions.
type service struct {
	Options
	changes sync.Mutex // held while one is made
}

// New returns the service.
func New(o Options) aws.Service {
	s := &service{Options: o}
	actions := make(map[string]aws.Action)
	for _, family := range []map[string]aws.Action{
		s.machineActions(), s.versionActions(), s.aliasActions(), s.tagActions(), s.validationActions(), s.testStateActions(),
		s.executionActions(), s.redriveActions(), s.expressActions(), s.historyActions(), s.mapRunActions(), s.activityActions(), s.tokenActions(),
	} {
		maps.Copy(actions, family)
	}
	return aws.Service{Target: "AWSStepFunctions", Signing: "states", Namespace: "com.amazonaws.swf.service.v2.model", Actions: actions}
}

func by(ctx context.Context) catalog.Caller { return catalog.Caller(auth.From(ctx)) }

// input is the shape of an action's request.
func input(action string, members ...aws.Member) *aws.Shape {
	return aws.Structure(action+"Input", members...)
}

// changed carries a change of the catalogue out, one at a time, and again where somebody else, such as tutti apply, was
// faster.
func (s *service) changed(try func() (bool, error)) error {
	s.changes.Lock()
	defer s.changes.Unlock()
	for range 10 {
		if ok, err := try(); ok || err != nil {
			return err
		}
	}
	return errConflict.of("The resource is changed by others all the time.")
}

// wantsData reports whether an answer is to hold definitions, inputs and outputs.
func wantsData(in value.Value) bool { return in.At("includedData").Text() != "METADATA_ONLY" }

func (s *service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

// The members of answers. One whose value is absent is left out by object.

func object(members ...value.Member) value.Value {
	there := members[:0]
	for _, m := range members {
		if !m.Value.IsAbsent() {
			there = append(there, m)
		}
	}
	return value.NewObject(there...)
}

func of(name string, v value.Value) value.Member { return value.Member{Name: name, Value: v} }

func text(name, s string) value.Member { return of(name, value.NewString(s)) }

// words is a text that is left out where it is empty.
func words(name, s string) value.Member {
	if s == "" {
		return value.Member{Name: name}
	}
	return text(name, s)
}

// date is a moment in seconds since 1970, left out where it is zero.
func date(name string, t time.Time) value.Member {
	if t.IsZero() {
		return value.Member{Name: name}
	}
	ms := t.UnixMilli()
	seconds := strconv.FormatInt(ms/1000, 10)
	if ms %= 1000; ms != 0 {
		seconds += "." + strconv.FormatInt(1000+ms, 10)[1:]
	}
	n, _ := value.NewNumber(seconds) // it is one
	return of(name, n)
}

// notFound reports that something is not there, or not the caller's to see.
func notFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
