package main

import (
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// decide measures the language alone: µs of a Decide with its Apply, for common states.
func decide(b *bench) error {
	for _, size := range []int{64, 4096} {
		for _, m := range []struct{ name, states string }{
			{"Pass", `"A":{"Type":"Pass","End":true}`},
			{"Pass with Parameters", `"A":{"Type":"Pass","Parameters":{"a.$":"$.name","b.$":"States.Format('run-{}',$.id)","c":[1,2,3]},"ResultPath":"$.made","End":true}`},
			{"Choice", `"A":{"Type":"Choice","Choices":[{"Variable":"$.name","StringEquals":"no","Next":"Z"},{"And":[{"Variable":"$.id","NumericGreaterThan":5},{"Variable":"$.name","IsString":true}],"Next":"Z"}],"Default":"Z"},"Z":{"Type":"Succeed"}`},
			{"Wait", `"A":{"Type":"Wait","Seconds":1,"End":true}`},
			{"Task", `"A":{"Type":"Task","Resource":"` + noopResource + `","Parameters":{"job.$":"$.name","all.$":"$"},"ResultSelector":{"out.$":"$.job"},"ResultPath":"$.result","Retry":[{"ErrorEquals":["States.ALL"]}],"End":true}`},
			{"Parallel", `"A":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}},{"StartAt":"C","States":{"C":{"Type":"Pass","End":true}}}],"End":true}`},
			{"Map of 10", `"A":{"Type":"Map","ItemsPath":"$.items","ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}},"End":true}`},
		} {
			def, err := asl.Compile([]byte(`{"StartAt":"A","States":{` + m.states + `}}`))
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			input := payload(size).With("items", value.MustParse(`[0,1,2,3,4,5,6,7,8,9]`))
			decides := 0
			began := time.Now()
			for time.Since(began) < time.Duration(float64(200*time.Millisecond)*b.scale) {
				n, err := playOnce(def, input)
				if err != nil {
					return fmt.Errorf("%s: %w", m.name, err)
				}
				decides += n
			}
			each := float64(time.Since(began).Microseconds()) / float64(decides)
			b.add(row{Bench: "decide", Metric: fmt.Sprintf("%s, %d B", m.name, size), Value: each, Unit: "µs", Target: 50, Lower: true, Bound: boundHash})
		}
	}
	return nil
}

// playOnce takes a run to its end, answering its tasks with their payload and firing its timers; it says how many
// Decides that took.
func playOnce(def run.Definition, input value.Value) (decides int, err error) {
	s := def.NewState()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	inputs := []run.Input{{Kind: run.Start, Name: "bench", Value: input}}
	for {
		in := run.Input{Kind: run.Step}
		if len(inputs) > 0 {
			in, inputs = inputs[0], inputs[1:]
		}
		in.Now = now
		events, err := s.Decide(in)
		decides++
		if err != nil {
			return decides, err
		}
		if len(events) == 0 && len(inputs) == 0 {
			return decides, fmt.Errorf("stands still after %d decisions", decides)
		}
		for _, e := range events {
			s.Apply(e.Fact)
			for _, o := range e.Orders {
				switch o := o.(type) {
				case run.StartTask:
					inputs = append(inputs, run.Input{Kind: run.TaskEnded, Task: o.Task, Outcome: run.Done(o.Payload)})
				case run.SetTimer:
					if !o.At.IsZero() {
						inputs = append(inputs, run.Input{Kind: run.TimerFired, Timer: o.Timer})
						now = o.At
					}
				case run.EndRun:
					if o.Status != run.Succeeded {
						return decides, fmt.Errorf("%v: %+v", o.Status, o.Failure)
					}
					return decides, nil
				}
			}
		}
	}
}
