package app

import (
	"context"
	"path"
	"strings"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/integration"
	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/api"
	"github.com/tutti-ml/tutti/internal/value"
)

// languages are those of this build; the first is the one of definitions that name none.
func languages(c *catalog.Catalog, aws *awssdk.Client, limits asl.Limits) []api.Language {
	return []api.Language{{Language: asl.Language{Limits: limits}, Events: aslEvents, Check: checkASL, CheckRun: checkASLRun(c, aws)}}
}

// aslLimits are what bounds a run of the States Language.
func (c *Config) aslLimits() asl.Limits {
	if c.AWS.Limits {
		return asl.AWSLimits
	}
	return asl.Limits{Payload: int(c.Limits.Payload), Literal: int(c.Limits.Literal), Events: uint64(c.Limits.Events)}
}

func aslEvents(f run.Fact) []client.Event {
	history := asl.History(f)
	events := make([]client.Event, len(history))
	for i, h := range history {
		events[i] = client.Event{ID: int64(h.ID), Previous: int64(h.Previous), Time: h.Time, Type: h.Type}
		if !h.Details.IsAbsent() {
			events[i].Details = h.Details.AppendJSON(nil)
		}
	}
	return events
}

func checkASL(source []byte) run.Problems {
	there := resources()
	return asl.Check(source, asl.Terms{Resources: &there})
}

// resources are what tasks can do.
func resources() asl.Resources {
	return asl.Resources{Known: integration.IsKnown, Names: integration.Known(), Hint: integration.Hint}
}

// checkASLRun also looks up what the tasks of a file name.
func checkASLRun(c *catalog.Catalog, aws *awssdk.Client) func(context.Context, catalog.Caller, []byte) run.Problems {
	return func(ctx context.Context, by catalog.Caller, source []byte) run.Problems {
		there := resources()
		there.Missing = func(arn string, named value.Value) (missing []asl.Missing) {
			for _, m := range integration.Missing(ctx, c, aws, by, arn, named) {
				missing = append(missing, asl.Missing{Member: m.Argument, Text: m.Err.Error()})
			}
			return missing
		}
		return asl.Check(source, asl.Terms{Resources: &there})
	}
}

// Validate says what is wrong with a file as far as that can be known without a server: config maps that it refers to
// are not there.
func Validate(f client.File) *client.Validation {
	name, _, _ := strings.Cut(path.Base(f.Name), ".")
	docs, problems := manifest.Read([]byte(f.Text), manifest.Options{Name: name})
	v := &client.Validation{Faults: []client.Fault{}}
	var kinds []string
	for _, d := range docs {
		kinds = append(kinds, string(d.Kind))
		if d.Kind == manifest.KindStateMachine {
			problems = append(problems, checkASL([]byte(manifest.StateMachineSource(d.Data)))...)
		}
	}
	for _, p := range problems {
		v.Faults = append(v.Faults, client.Fault{
			File: f.Name, Pointer: p.Pointer, Line: p.Line, Column: p.Column, Code: p.Code, Text: p.Message(), Warning: p.Warning,
		})
	}
	v.Valid, v.Kind = !manifest.Broken(problems), strings.Join(kinds, ", ")
	return v
}
