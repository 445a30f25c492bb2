package kernel

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// SnapshotVersion is of the encoding of snapshots; one of another version is not used.
const SnapshotVersion = 1

// definitions keeps compiled definitions by the digest of their source. A few are used again and again.
type definitions struct {
	mu  sync.Mutex // guards all
	all map[definitionKey]*definition
}

type definitionKey struct {
	language string
	source   value.Digest
	part     string
}

type definition struct {
	run.Definition
	source value.Blob
}

const maxDefinitions = 4096

func (d *definitions) get(key definitionKey) *definition {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[key]
}

func (d *definitions) put(key definitionKey, def *definition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil || len(d.all) >= maxDefinitions {
		d.all = make(map[definitionKey]*definition)
	}
	d.all[key] = def
}

// compile is the definition that source is in the language.
func (d *definitions) compile(languages map[string]run.Language, language string, source []byte) (*definition, error) {
	text := sourceValue(source)
	key := definitionKey{language: language, source: text.Digest()}
	if def := d.get(key); def != nil {
		return def, nil
	}
	l := languages[language]
	if l == nil {
		return nil, fmt.Errorf("unknown language %q", language)
	}
	compiled, err := l.Compile(source)
	if err != nil {
		return nil, err
	}
	def := &definition{compiled, value.NewBlob(key.source, text.AppendJSON(nil))}
	d.put(key, def)
	return def, nil
}

// sourceValue is the form in which a definition's text is stored: a JSON string.
func sourceValue(source []byte) value.Value { return value.NewString(string(source)) }

// definition is the one that a run pins.
func (k *Kernel) definition(ctx context.Context, row *store.Run) (run.Definition, error) {
	key := definitionKey{language: row.Language, source: row.Definition, part: row.Part}
	if def := k.defs.get(key); def != nil {
		return def, nil
	}
	v, err := k.o.Load(ctx, row.Definition)
	if err != nil {
		return nil, fmt.Errorf("definition of run %d: %w", row.ID, err)
	}
	def, err := k.defs.compile(k.languages, row.Language, []byte(v.Text()))
	if err != nil {
		return nil, fmt.Errorf("definition of run %d: %w", row.ID, err)
	}
	if row.Part == "" {
		return def, nil
	}
	parted, ok := def.Definition.(run.Parted)
	if !ok {
		return nil, fmt.Errorf("definition of run %d has no parts", row.ID)
	}
	part, err := parted.Part(row.Part)
	if err != nil {
		return nil, fmt.Errorf("definition of run %d: %w", row.ID, err)
	}
	k.defs.put(key, &definition{part, def.source})
	return part, nil
}

func (k *Kernel) loader(ctx context.Context) func(value.Digest) (value.Value, error) {
	return func(d value.Digest) (value.Value, error) { return k.o.Load(ctx, d) }
}

// fold brings a run into memory: its latest snapshot that can be read, and the frames after it. One that has ended is
// folded for a redrive alone.
func (k *Kernel) fold(ctx context.Context, r *resident, redrive bool) error {
	if !r.fresh {
		row, err := k.o.Store.Run(ctx, r.id)
		if err != nil {
			return err
		}
		r.row, r.owner, r.parent = row, row.Owner, row.Parent
	}
	if r.row.Status.Ended() && !redrive {
		return nil
	}
	return k.foldLog(ctx, r)
}

// State is where a run stands as of its last commit, folded for the caller alone.
func (k *Kernel) State(ctx context.Context, id run.ID) (run.State, error) {
	row, err := k.o.Store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &resident{id: id, row: row}
	if err := k.foldLog(ctx, r); err != nil {
		return nil, err
	}
	return r.state, nil
}

// foldLog folds the log of a run whose row is there.
func (k *Kernel) foldLog(ctx context.Context, r *resident) (err error) {
	if r.def, err = k.definition(ctx, r.row); err != nil {
		return err
	}
	r.state, r.seq = r.def.NewState(), 1
	r.logged, r.snapshot = 0, 0
	r.tasks = make(map[run.TaskID]run.StartTask)
	if r.fresh {
		r.fresh = false
		return nil
	}
	if err := k.foldSnapshot(ctx, r); err != nil {
		return err
	}
	var inner error
	err = k.o.Store.Frames(ctx, r.id, r.seq, func(c store.Change) bool {
		if c.First != r.seq {
			inner = fmt.Errorf("log of run %d: %w: event %d follows %d", r.id, store.ErrCorrupt, c.First, r.seq-1)
			return false
		}
		inner = unframe(r.def, c, k.loader(ctx), func(_ uint64, f run.Fact) bool {
			r.state.Apply(f)
			return true
		})
		r.seq += uint64(c.Count)
		r.logged += len(c.Data)
		return inner == nil
	})
	if err := errors.Join(err, inner); err != nil {
		return err
	}
	for t := range r.state.Pending {
		r.tasks[t.Task] = t
	}
	return nil
}

func (k *Kernel) foldSnapshot(ctx context.Context, r *resident) error {
	s, err := k.o.Store.Snapshot(ctx, r.id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.Version != SnapshotVersion {
		return nil
	}
	state, err := r.def.DecodeState(value.NewDecoder(s.Data, k.loader(ctx)))
	if err != nil {
		// The log is the truth; a snapshot that this release cannot read costs time only.
		k.o.Log.Warn("ignoring a snapshot", "run", r.id, "error", err)
		return nil
	}
	r.state, r.seq, r.snapshot = state, s.Next, len(s.Data)
	return nil
}

// findHeld reads which outcomes wait in the inbox for a call to come back.
func (k *Kernel) findHeld(ctx context.Context, r *resident) error {
	r.held = nil
	calls := false
	for _, t := range r.tasks {
		calls = calls || t.Callback && !t.Submitted
	}
	if !calls {
		return nil
	}
	rows, err := k.o.Store.Inbox(ctx, r.id)
	for _, row := range rows {
		if t := r.tasks[row.Task]; row.Kind == store.InboxTask && t.Callback && !t.Submitted {
			if r.held == nil {
				r.held = make(map[run.TaskID]bool)
			}
			r.held[row.Task] = true
		}
	}
	return err
}

// resume takes up the tasks that only a live kernel can carry on, after a restart. Those whose effect may or may not
// have happened are repeated, looked for, or failed, as their class says.
func (k *Kernel) resume(r *resident) (inputs []run.Input) {
	for t := range r.state.Pending {
		k.mu.Lock()
		_, running := k.effects[r.id][t.Task]
		k.mu.Unlock()
		if running || t.Resource == "" || t.Callback && t.Submitted {
			continue
		}
		switch in := k.o.Integrations(t.Resource).(type) {
		case nil:
			inputs = append(inputs, unknownResource(t))
		case Ledger:
		case Queue:
			k.mu.Lock()
			in.Offer(k.task(r, t))
			k.mu.Unlock()
		case Doer:
			if in.Class() == AtMostOnce && r.held[t.Task] {
				t.Submitted = true // what came back shows that it was done
				r.tasks[t.Task] = t
				continue
			}
			if in.Class() == AtMostOnce {
				inputs = append(inputs, ended(t.Task, run.Fail(run.ErrOutcomeUnknown,
					"The server stopped while the task was under way, and it cannot be told whether it was done.")))
				continue
			}
			k.launch(in, k.task(r, t), true)
		}
	}
	return inputs
}

func ended(t run.TaskID, o run.Outcome) run.Input {
	return run.Input{Kind: run.TaskEnded, Task: t, Outcome: o}
}

func unknownResource(t run.StartTask) run.Input {
	return ended(t.Task, run.Fail("States.Runtime", fmt.Sprintf("The resource %q is not known here.", t.Resource)))
}

func (k *Kernel) task(r *resident, t run.StartTask) Task {
	return Task{Run: r.row, Order: t, Key: fmt.Sprintf("run/%d/task/%d", r.id, t.Task)}
}
