package cli

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/client"
)

// progress is what a run has done so far, as a tree of the states that it entered. It is fed the run's events in order.
//
// An event says which one it follows from; along that chain goes the scope that it happened in: the run itself, the
// branches of a Parallel state, or an iteration of a Map state. States within iterations are counted and not shown: there
// may be a hundred thousand.
type progress struct {
	root   *scope
	last   int64
	places map[int64]place // where each event happened
	steps  []*step         // all that are shown, in the order of entering
	jobs   map[int64]*step // whose state ordered the job
}

// place is where an event happened: in which scope, and in which state there; nil where it is not shown.
type place struct {
	scope *scope
	step  *step
}

// scope is the run itself, the body of a Parallel or Map state, or an iteration.
type scope struct {
	parent *scope
	owner  *step // the Parallel or Map state whose body it is; nil: the run itself, or an iteration
	quiet  bool  // within an iteration
	open   []*step
}

// step is a state that was entered.
type step struct {
	name    string
	kind    string // Task, Map and so on
	depth   int
	began   time.Time
	ended   time.Time
	failed  string // name of the latest error
	tries   int    // tasks scheduled
	isMap   bool
	total   int
	done    int
	broken  int
	jobs    []*client.Job
	isEnded bool
}

func newProgress() *progress {
	root := &scope{}
	return &progress{root: root, places: map[int64]place{0: {scope: root}}, jobs: map[int64]*step{}}
}

// eventDetails are what events say that progress is shown of.
type eventDetails struct {
	Name   string `json:"name"`
	Length int    `json:"length"`
	Error  string `json:"error"`
	Cause  string `json:"cause"`
}

func detailsOf(e client.Event) eventDetails {
	var d eventDetails
	_ = json.Unmarshal(e.Details, &d) // events of other languages may say other things
	return d
}

// add takes an event; told is what a person who reads lines is to know of it, nil where it is nothing.
func (p *progress) add(e client.Event) (told *step) {
	if e.ID <= p.last {
		return nil
	}
	p.last = e.ID
	at, ok := p.places[e.Previous]
	if !ok {
		at.scope = p.root
	}
	d := detailsOf(e)
	switch kind, what := cutType(e.Type); what {
	case "StateEntered":
		at.step = p.enter(at.scope, kind, d.Name, e.Time)
		told = at.step
	case "StateExited":
		at.scope, told = at.scope.leave(d.Name, e.Time)
		at.step = nil
	case "StateStarted": // of Map and Parallel
		at = at.begin(kind == "Map", d.Length)
	case "StateSucceeded", "StateFailed", "StateAborted":
		at = at.scope.outside()
	case "IterationStarted":
		at = place{scope: &scope{parent: at.scope, quiet: true}}
	case "IterationSucceeded", "IterationFailed", "IterationAborted":
		at.scope.count(what == "IterationSucceeded")
	case "Scheduled":
		if at.step != nil {
			at.step.tries++
		}
	case "Failed", "TimedOut":
		if at.step != nil {
			at.step.failed = d.Error
		}
	}
	p.places[e.ID] = at
	return told
}

// begin is the place within the body of a Map or Parallel state.
func (at place) begin(isMap bool, length int) place {
	if at.step == nil {
		return place{scope: &scope{parent: at.scope, quiet: true, owner: &step{}}}
	}
	at.step.isMap, at.step.total = isMap, length
	return place{scope: &scope{parent: at.scope, owner: at.step}}
}

// cutType parts an event's type into what it is about and what happened: Task, StateEntered; Map, IterationStarted.
func cutType(t string) (kind, what string) {
	for _, at := range []string{"State", "Iteration", "Scheduled", "Failed", "TimedOut"} {
		if i := strings.Index(t, at); i > 0 {
			return t[:i], t[i:]
		}
	}
	return t, ""
}

func (p *progress) enter(at *scope, kind, name string, now time.Time) *step {
	if at.quiet {
		return nil
	}
	s := &step{name: name, kind: kind, began: now}
	for o := at; o != nil && o.owner != nil; o = o.parent {
		s.depth++
	}
	at.open = append(at.open, s)
	p.steps = append(p.steps, s)
	return s
}

// leave ends a state that is open here or further out: the exit of a Map follows from its last iteration. It gives the
// scope that the state was in.
func (s *scope) leave(name string, now time.Time) (*scope, *step) {
	for o := s; o != nil; o = o.parent {
		for i := len(o.open) - 1; i >= 0; i-- {
			if st := o.open[i]; st.name == name {
				o.open = append(o.open[:i], o.open[i+1:]...)
				st.end(now)
				return o, st
			}
		}
	}
	return s, nil
}

func (s *step) end(now time.Time) { s.ended, s.isEnded = now, true }

// outside is the place of the Map or Parallel state whose body s is in.
func (s *scope) outside() place {
	for o := s; o.parent != nil; o = o.parent {
		if o.owner != nil {
			return place{o.parent, o.owner}
		}
	}
	return place{scope: s}
}

// count counts an iteration of the Map state whose iteration s is in.
func (s *scope) count(ok bool) {
	for o := s; o != nil; o = o.parent {
		if o.owner != nil {
			if ok {
				o.owner.done++
			} else {
				o.owner.broken++
			}
			return
		}
	}
}

// job takes news of a job that the run ordered.
func (p *progress) job(j *client.Job) {
	s := p.jobs[j.ID]
	if s == nil {
		for i := len(p.steps) - 1; i >= 0 && s == nil; i-- {
			if p.steps[i].name == j.Step {
				s = p.steps[i]
			}
		}
		if s == nil {
			return // within an iteration
		}
		p.jobs[j.ID] = s
		s.jobs = append(s.jobs, j)
		return
	}
	for i, old := range s.jobs {
		if old.ID == j.ID {
			s.jobs[i] = j
		}
	}
}

// finish ends what was open when the run ended.
func (p *progress) finish(now time.Time, status string) {
	for _, s := range p.steps {
		if !s.isEnded {
			if status != "SUCCEEDED" && s.failed == "" {
				s.failed = status
			}
			s.end(now)
		}
	}
}
