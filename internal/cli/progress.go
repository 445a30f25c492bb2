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
	scopes map[int64]*scope // by the id of the event that was last in a chain
	steps  []*step          // all that are shown, in the order of entering
	jobs   map[int64]*step  // whose state ordered the job
}

// scope is where a chain of events happens.
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
	body    *scope // of a Parallel or Map under way
	isMap   bool
	total   int
	done    int
	broken  int
	jobs    []*client.Job
	isEnded bool
}

func newProgress() *progress {
	root := &scope{}
	return &progress{root: root, scopes: map[int64]*scope{0: root}, jobs: map[int64]*step{}}
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
	at := p.scopes[e.Previous]
	if at == nil {
		at = p.root
	}
	d := detailsOf(e)
	switch kind, what := cutType(e.Type); what {
	case "StateEntered":
		told = p.enter(at, kind, d.Name, e.Time)
	case "StateExited":
		told = at.leave(d.Name, e.Time)
	case "StateStarted": // of Map and Parallel
		if s := at.latest(); s != nil && !at.quiet {
			s.isMap, s.total = kind == "Map", d.Length
			s.body = &scope{parent: at, owner: s}
			at = s.body
		} else {
			at = &scope{parent: at, quiet: true, owner: &step{}}
		}
	case "StateSucceeded", "StateFailed", "StateAborted":
		at = at.outside()
	case "IterationStarted":
		at = &scope{parent: at, quiet: true}
	case "IterationSucceeded", "IterationFailed", "IterationAborted":
		at.count(what == "IterationSucceeded")
	case "Scheduled":
		if s := at.latest(); s != nil {
			s.tries++
		}
	case "Failed", "TimedOut":
		if s := at.latest(); s != nil {
			s.failed = d.Error
		}
	}
	p.scopes[e.ID] = at
	return told
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

// latest is the state that a scope is in.
func (s *scope) latest() *step {
	if len(s.open) == 0 {
		return nil
	}
	return s.open[len(s.open)-1]
}

func (s *scope) leave(name string, now time.Time) *step {
	for i := len(s.open) - 1; i >= 0; i-- {
		if st := s.open[i]; st.name == name {
			s.open = append(s.open[:i], s.open[i+1:]...)
			st.end(now)
			return st
		}
	}
	return nil
}

func (s *step) end(now time.Time) { s.ended, s.isEnded, s.body = now, true, nil }

// outside is the scope of the Map or Parallel state whose body s is in.
func (s *scope) outside() *scope {
	for o := s; o.parent != nil; o = o.parent {
		if o.owner != nil {
			return o.parent
		}
	}
	return s
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
		} else {
			s.body = nil
		}
	}
}
