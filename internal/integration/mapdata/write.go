package mapdata

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// form is how a result is written: a WriterConfig.
type form struct {
	transformation string // NONE, COMPACT or FLATTEN
	lines          bool   // JSON Lines, not an array
}

func formOf(writer value.Value, otherwise string) form {
	f := form{transformation: writer.At("Transformation").Text(), lines: writer.At("OutputType").Text() == "JSONL"}
	if f.transformation == "" {
		f.transformation = otherwise
	}
	return f
}

// append adds what a child is in this form. One that failed is always the whole record.
func (f form) append(to []value.Value, child *store.Run) []value.Value {
	switch {
	case f.transformation == "NONE" || child.Status != run.Succeeded:
		return append(to, record(child))
	case f.transformation == "FLATTEN" && child.Output.Kind() == value.Array:
		for _, e := range child.Output.Elements() {
			to = append(to, e)
		}
		return to
	}
	return append(to, child.Output)
}

// record is a child execution with everything about it, as Step Functions exports it.
func record(c *store.Run) value.Value {
	included := value.Of(map[string]any{"Included": true})
	execution := c.Attributes.At(asl.AttributeExecution).Text()
	members := []value.Member{{Name: "ExecutionArn", Value: value.NewString(execution)}}
	add := func(name string, v value.Value) { members = append(members, value.Member{Name: name, Value: v}) }
	if f := c.Failure; f != nil {
		members = append([]value.Member{{Name: "Cause", Value: value.NewString(f.Cause)}, {Name: "Error", Value: value.NewString(f.Error)}}, members...)
	}
	add("Input", value.NewString(c.Input.JSON()))
	add("InputDetails", included)
	add("Name", value.NewString(c.Name))
	if c.Status == run.Succeeded {
		add("Output", value.NewString(c.Output.JSON()))
	}
	add("OutputDetails", included)
	add("RedriveCount", value.NewInt(int64(c.Redrives)))
	if c.Status == run.Succeeded {
		add("RedriveStatus", value.NewString("NOT_REDRIVABLE"))
		add("RedriveStatusReason", value.NewString("Execution is SUCCEEDED and cannot be redriven"))
	} else {
		add("RedriveStatus", value.NewString("REDRIVABLE"))
	}
	add("StartDate", value.NewString(c.Started.UTC().Format("2006-01-02T15:04:05.000Z")))
	add("StateMachineArn", value.NewString(asl.MachineARN(execution)))
	add("Status", value.NewString(c.Status.String()))
	add("StopDate", value.NewString(c.Ended.UTC().Format("2006-01-02T15:04:05.000Z")))
	return value.NewObject(members...)
}

// writer writes what the children of a map run gave to S3: a file or several for each way of ending, and a manifest that
// names them.
type writer struct{ Deps }

// Class implements kernel.Integration: the same results go to the same keys again.
func (*writer) Class() kernel.Class { return kernel.Idempotent }

// Do implements kernel.Doer.
func (w *writer) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	p := t.Order.Payload
	bucket := p.At("writer", "Arguments", "Bucket").Text()
	if bucket == "" {
		return run.Fail(errWriter, "The Bucket of the ResultWriter is no text.")
	}
	e := &export{
		deps:   &w.Deps,
		task:   t,
		form:   formOf(p.At("writer"), "NONE"),
		bucket: bucket,
		prefix: prefixOf(p.At("writer", "Arguments", "Prefix").Text(), t.Run.Name),
	}
	if err := e.run(ctx, t.Run.ID, p.At("mapRunArn").Text()); err != nil {
		return run.Fail(errWriter, err.Error())
	}
	return run.Done(value.NewObject(
		value.Member{Name: "MapRunArn", Value: p.At("mapRunArn")},
		value.Member{Name: "ResultWriterDetails", Value: value.NewObject(
			value.Member{Name: "Bucket", Value: value.NewString(bucket)},
			value.Member{Name: "Key", Value: value.NewString(e.prefix + "manifest.json")},
		)},
	))
}

// prefixOf is where the files of a map run go.
func prefixOf(prefix, mapRun string) string {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return prefix + mapRun + "/"
}

// fileSize is the length in bytes from which another file is begun.
const fileSize = 64 << 20

// export is one way through the children.
type export struct {
	deps   *Deps
	task   kernel.Task
	form   form
	bucket string
	prefix string
	kinds  [2]resultFile // that succeeded, that did not
}

// resultFile is the file for one way of ending that is being filled, and those before it.
type resultFile struct {
	body bytes.Buffer
	done []written
}

// written is a file as the manifest has it.
type written struct {
	Key  string
	Size int
}

func (e *export) run(ctx context.Context, parent run.ID, arn string) error {
	err := e.deps.children(ctx, parent, func(c *store.Run) error {
		kind := 0
		if c.Status != run.Succeeded {
			kind = 1
		}
		for _, v := range e.form.append(nil, c) {
			if err := e.add(ctx, kind, v); err != nil {
				return err
			}
		}
		return nil
	})
	for kind := range e.kinds {
		if err == nil {
			err = e.flush(ctx, kind)
		}
	}
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(struct {
		DestinationBucket string
		MapRunArn         string
		ResultFiles       map[string][]written
	}{e.bucket, arn, map[string][]written{
		"FAILED":    append([]written{}, e.kinds[1].done...),
		"PENDING":   {},
		"SUCCEEDED": append([]written{}, e.kinds[0].done...),
	}})
	if err != nil {
		return err
	}
	return e.put(ctx, e.prefix+"manifest.json", manifest)
}

// add puts a result into the file of its kind.
func (e *export) add(ctx context.Context, kind int, v value.Value) error {
	f := &e.kinds[kind]
	switch {
	case e.form.lines:
	case f.body.Len() == 0:
		f.body.WriteByte('[')
	default:
		f.body.WriteByte(',')
	}
	f.body.Write(v.AppendJSON(f.body.AvailableBuffer()))
	if e.form.lines {
		f.body.WriteByte('\n')
	}
	if f.body.Len() >= fileSize {
		return e.flush(ctx, kind)
	}
	return nil
}

// flush ends the file of a kind, if anything is in it.
func (e *export) flush(ctx context.Context, kind int) error {
	f := &e.kinds[kind]
	if f.body.Len() == 0 {
		return nil
	}
	name, ending := [...]string{"SUCCEEDED", "FAILED"}[kind], "json"
	if e.form.lines {
		ending = "jsonl"
	} else {
		f.body.WriteByte(']')
	}
	key := fmt.Sprintf("%s%s_%d.%s", e.prefix, name, len(f.done), ending)
	if err := e.put(ctx, key, f.body.Bytes()); err != nil {
		return err
	}
	f.done = append(f.done, written{key, f.body.Len()})
	f.body.Reset()
	return nil
}

func (e *export) put(ctx context.Context, key string, body []byte) error {
	r, err := e.deps.send(ctx, e.task, Request{Method: http.MethodPut, Path: path(e.bucket, key), Body: body})
	if err != nil {
		return fmt.Errorf("writing s3://%s/%s: %w", e.bucket, key, err)
	}
	return r.Body.Close()
}
