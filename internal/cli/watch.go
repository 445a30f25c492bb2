package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tutti-ml/tutti/client"
)

// watcher shows a run while it goes on: a tree that is drawn in place, or lines.
type watcher struct {
	c      *command
	run    *client.Run
	tree   *progress
	live   bool
	drawn  int // lines of the tree on the screen
	states map[int64]string

	mu    sync.Mutex // guards notes
	notes []string   // shown below the tree
}

func (c *command) watcher(r *client.Run) *watcher {
	columns, _ := c.Screen()
	return &watcher{c: c, run: r, tree: newProgress(), live: columns > 0, states: map[int64]string{}}
}

// say tells a person something while the run is shown; unlike command.note it leaves the tree in its place. It may be
// called from any goroutine.
func (w *watcher) say(format string, args ...any) {
	if !w.live {
		w.c.note(format, args...)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, fmt.Sprintf(format, args...))
}

// follow shows the run until it ends.
func (w *watcher) follow(ctx context.Context, cl *client.Client) (*client.Run, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changes := make(chan client.Change, 256)
	failed := make(chan error, 1)
	go func() {
		failed <- cl.Events(ctx, client.EventQuery{Run: w.run.ID}, func(c client.Change) bool {
			select {
			case changes <- c:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	redraw := time.NewTicker(100 * time.Millisecond)
	defer redraw.Stop()
	began := false
	for {
		select {
		case change := <-changes:
			if !began {
				// The stream stands: what happened before is read now, and nothing is missed in between.
				began = true
				if err := w.catchUp(ctx, cl); err != nil {
					return nil, err
				}
			}
			w.take(change)
			if w.run.Done() {
				w.tree.finish(w.c.Now(), w.run.Status)
				w.draw()
				return w.run, nil
			}
			if change.Run != nil && change.Run.ID == w.run.ID && ended(change.Run.Status) {
				r, err := cl.Run(ctx, w.run.ID)
				if err != nil {
					return nil, err
				}
				w.run = r
				w.tree.finish(r.Ended, r.Status)
				w.draw()
				return r, nil
			}
		case <-redraw.C:
			w.draw()
		case err := <-failed:
			return nil, err
		}
	}
}

func ended(status string) bool { return (&client.Run{Status: status}).Done() }

func (w *watcher) catchUp(ctx context.Context, cl *client.Client) error {
	for after := int64(0); ; {
		page, err := cl.History(ctx, w.run.ID, after, 10_000)
		if err != nil {
			return err
		}
		for _, e := range page.Items {
			w.event(e)
		}
		if after = page.Next; after == 0 {
			break
		}
	}
	jobs, err := cl.Jobs(ctx, client.JobQuery{Run: w.run.ID, Limit: 1000})
	if err != nil {
		return err
	}
	for i := range jobs.Items {
		w.job(&jobs.Items[len(jobs.Items)-1-i])
	}
	w.run, err = cl.Run(ctx, w.run.ID)
	return err
}

func (w *watcher) take(c client.Change) {
	if c.Run != nil && c.Run.ID == w.run.ID {
		for _, e := range c.Run.Events {
			w.event(e)
		}
	}
	if c.Job != nil {
		w.job(c.Job)
	}
}

func (w *watcher) event(e client.Event) {
	s := w.tree.add(e)
	if s == nil || w.live {
		return
	}
	name := strings.Repeat("  ", s.depth) + s.name
	switch {
	case !s.isEnded:
		w.line(e.Time, "%s: entered", name)
	case s.isMap:
		w.line(e.Time, "%s: left after %s, %d of %d iterations succeeded", name, short(s.ended.Sub(s.began)), s.done, s.total)
	default:
		w.line(e.Time, "%s: left after %s", name, short(s.ended.Sub(s.began)))
	}
}

// maxJobLines bounds the jobs that lines are printed of; of more, only their states' ends are told.
const maxJobLines = 20

func (w *watcher) job(j *client.Job) {
	w.tree.job(j)
	if w.live || w.states[j.ID] == j.State || len(w.states) >= maxJobLines && w.states[j.ID] == "" {
		return
	}
	w.states[j.ID] = j.State
	text := fmt.Sprintf("%s job %s: %s", jobID(j.ID), j.Name, j.State)
	if j.Why != "" {
		text += ": " + j.Why
	}
	w.line(w.c.Now(), "%s", text)
}

func (w *watcher) line(t time.Time, format string, args ...any) {
	w.c.note(t.Local().Format("15:04:05")+" "+format, args...)
}

// draw draws the tree over the one that was drawn before.
func (w *watcher) draw() {
	if !w.live {
		return
	}
	columns, rows := w.c.Screen()
	if columns <= 0 {
		return
	}
	lines := w.lines()
	w.mu.Lock()
	lines = append(lines, w.notes...)
	w.mu.Unlock()
	if most := max(rows-2, 3); len(lines) > most {
		lines = append([]string{fmt.Sprintf("  … %d more above", len(lines)-most+1)}, lines[len(lines)-most+1:]...)
	}
	var b strings.Builder
	if w.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", w.drawn)
	}
	for _, l := range lines {
		b.WriteString("\r\x1b[K" + w.c.paint(fit(l, columns-1)) + "\n")
	}
	for i := len(lines); i < w.drawn; i++ {
		b.WriteString("\r\x1b[K\n")
	}
	w.drawn = max(w.drawn, len(lines))
	fmt.Fprint(w.c.Stderr, b.String())
}

func fit(s string, columns int) string {
	if r := []rune(s); len(r) > columns {
		return string(r[:columns-1]) + "…"
	}
	return s
}

// The marks of a line; paint colours by them.
const (
	markRunning = "●"
	markDone    = "✓"
	markFailed  = "✗"
)

func (w *watcher) lines() []string {
	status := w.run.Status
	lines := []string{fmt.Sprintf("%s %s  %s  %s", mark(w.run.Done(), status != "SUCCEEDED"), w.run.Name, status, w.c.took(w.run.Started, w.run.Ended))}
	for _, s := range w.tree.steps {
		indent := strings.Repeat("  ", s.depth+1)
		text := fmt.Sprintf("%s%s %s  %s", indent, mark(s.isEnded, s.failed != ""), s.name, w.c.took(s.began, s.ended))
		if s.isMap {
			text += "  " + bar(s.done, s.broken, s.total)
		}
		if s.tries > 1 {
			text += fmt.Sprintf("  attempt %d", s.tries)
		}
		if s.failed != "" {
			text += "  " + s.failed
		}
		lines = append(lines, text)
		for _, j := range s.jobs {
			lines = append(lines, indent+"  "+w.jobLine(j))
		}
	}
	return lines
}

func (w *watcher) jobLine(j *client.Job) string {
	text := fmt.Sprintf("%s %s %s  %s  %s", mark(j.Done(), j.State != "Succeeded"), jobID(j.ID), j.Name, j.State, w.c.took(j.Started, j.Ended))
	n := j.Counts
	if total := n.Queued + n.Active + n.Succeeded + n.Failed; total > 1 {
		text += "  " + bar(int(n.Succeeded), int(n.Failed), int(total))
	}
	if j.Why != "" && !j.Done() {
		text += "  " + j.Why
	}
	return text
}

func mark(ended, failed bool) string {
	switch {
	case !ended:
		return markRunning
	case failed:
		return markFailed
	}
	return markDone
}

// bar is a progress bar with its numbers.
func bar(done, failed, total int) string {
	const width = 20
	if total <= 0 {
		return ""
	}
	full := (done + failed) * width / total
	s := fmt.Sprintf("[%s%s] %d/%d", strings.Repeat("█", full), strings.Repeat("░", width-full), done+failed, total)
	if failed > 0 {
		s += fmt.Sprintf(", %d failed", failed)
	}
	return s
}

// paint colours a line by its mark.
func (c *command) paint(s string) string {
	if c.getenv("NO_COLOR") != "" || c.getenv("TERM") == "dumb" {
		return s
	}
	for mark, colour := range map[string]string{markRunning: "36", markDone: "32", markFailed: "31"} {
		if strings.HasPrefix(strings.TrimLeft(s, " "), mark) {
			return strings.Replace(s, mark, "\x1b["+colour+"m"+mark+"\x1b[0m", 1)
		}
	}
	return s
}
