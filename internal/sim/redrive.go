package sim

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// failed is a run that failed and that nobody has asked to go on yet; nil: none, or nobody does.
func (w *World) failed(ctx context.Context) (*store.Run, error) {
	if !w.o.Redrive {
		return nil, nil
	}
	for id, told := range w.redrives {
		select {
		case <-told: // durable, or somebody else was faster
			delete(w.redrives, id)
		default:
		}
	}
	runs, err := w.mem.Runs(ctx, store.RunFilter{Statuses: []run.Status{run.Failed}, Ungrouped: true, Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		if w.redrives[r.ID] == nil {
			return r, nil
		}
	}
	return nil, nil
}

// persistent is a state machine that succeeds once it was redriven often enough: a task by itself, tasks in a branch and
// in the iterations of a Map, and the children of a distributed Map, one after another, fail until then. What becomes of
// each does not depend on the moment at which another fails.
func persistent(rng *rand.Rand, resources []string) string {
	serial := 0
	task := func(until int, next string) string {
		serial++
		return fmt.Sprintf(`{"Type":"Task","Resource":%q,"Parameters":{"n":%d,"seconds":%d,"until":%d,"redrives.$":"$$.Execution.RedriveCount"},"ResultPath":null,%s}`,
			resources[rng.IntN(len(resources))], serial, rng.IntN(20), until, next)
	}
	const end = `"End":true`
	return fmt.Sprintf(`{"StartAt":"T","TimeoutSeconds":1000000,"States":{
		"T":%s,
		"P":{"Type":"Parallel","ResultPath":"$.parallel","Next":"D","Branches":[
			{"StartAt":"A","States":{"A":{"Type":"Pass","Result":1,"Next":"B"},"B":%s}},
			{"StartAt":"C","States":{"C":{"Type":"Pass","Result":2,"End":true}}}]},
		"D":{"Type":"Map","Label":"Many","MaxConcurrency":1,"ItemsPath":"$.items","ResultPath":"$.distributed","Next":"M","ItemProcessor":{
			"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"E","States":{"E":%s}}},
		"M":{"Type":"Map","MaxConcurrency":1,"ItemsPath":"$.items","ResultPath":"$.map","End":true,"ItemProcessor":{
			"StartAt":"F","States":{"F":%s,"G":{"Type":"Wait","Seconds":3,"End":true}}}}}}`,
		task(rng.IntN(3), `"Next":"P"`), task(rng.IntN(4), end), task(rng.IntN(2), end), task(rng.IntN(6), `"Next":"G"`))
}
