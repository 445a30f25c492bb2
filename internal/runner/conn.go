package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// serve answers clients until the listener is closed.
func (r *Runner) serve() error {
	for {
		c, err := r.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepting a client: %w", err)
		}
		go func() {
			defer c.Close()
			if err := checkPeer(c); err != nil {
				r.log.Warn("a client was turned away", "error", err)
				return
			}
			newConn(r, c).serve()
		}()
	}
}

// checkPeer lets in our own user and root.
func checkPeer(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return err
	}
	if credErr != nil {
		return credErr
	}
	if cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		return fmt.Errorf("user %d is not the runner's", cred.Uid)
	}
	return nil
}

// conn is one client.
type conn struct {
	r      *Runner
	c      *net.UnixConn
	ctx    context.Context // done when the client is gone
	cancel context.CancelFunc

	mu sync.Mutex // one response at a time
	w  *bufio.Writer
}

func newConn(r *Runner, c *net.UnixConn) *conn {
	ctx, cancel := context.WithCancel(context.Background())
	return &conn{r: r, c: c, ctx: ctx, cancel: cancel, w: bufio.NewWriter(c)}
}

// serve reads requests. Each is answered in a goroutine of its own, as a start waits for the disk.
func (c *conn) serve() {
	defer c.cancel()
	in := bufio.NewReaderSize(c.c, 64<<10)
	for greeted := false; ; {
		var q Request
		if err := readFrame(in, &q); err != nil {
			return
		}
		if !greeted {
			if q.Hello == nil || q.Hello.Version < MinVersion {
				_ = c.send(&Response{ID: q.ID, Error: refuse(CodeVersion, "this runner speaks versions %d to %d of its protocol", MinVersion, Version)})
				return
			}
			greeted = true
		}
		go c.answer(&q)
	}
}

func (c *conn) send(r *Response) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := writeFrame(c.w, r); err != nil {
		return err
	}
	return c.w.Flush()
}

func (c *conn) answer(q *Request) {
	if q.Subscribe == nil && q.Logs == nil && q.Upgrade == nil {
		c.r.gate.enter()
		defer c.r.gate.leave()
	}
	a := Response{ID: q.ID}
	var err error
	switch r := c.r; {
	case q.Hello != nil:
		a.Facts = &r.facts
	case q.Start != nil:
		err = r.accept(q.Start)
	case q.Cancel != nil:
		r.cancel(q.Cancel)
	case q.Signal != nil:
		err = r.signal(q.Signal)
	case q.List != nil:
		a.Reports = r.list()
	case q.LastJob != nil:
		a.LastJob = r.lastJob()
	case q.Ack != nil:
		r.ack(q.Ack.Number)
	case q.Usage != nil:
		a.Usage, err = r.usage(*q.Usage)
	case q.Forget != nil:
		err = r.forget(q.Forget.Job)
	case q.Subscribe != nil:
		err, a.Done = c.subscribe(q.ID), true
	case q.Logs != nil:
		err, a.Done = c.logs(q.ID, q.Logs), true
	case q.Upgrade != nil:
		err = r.upgrade(q.Upgrade) // where it succeeds, the end of the connection is the answer
	case q.Shutdown != nil:
		r.shutDown()
		return // as above
	default:
		err = refuse(CodeRefused, "the request asks for nothing that this runner knows")
	}
	a.Error = asError(err)
	if err := c.send(&a); err != nil {
		c.c.Close()
	}
}

const (
	// sendPause is the time between two sends of reports, so that one serves many.
	sendPause = time.Millisecond
	// startPause is how long the report of a start may wait for more: most that end sooner are reported once, as ended.
	startPause = 5 * time.Millisecond
)

// subscribe sends the reports that are not acknowledged, and from then on all.
func (c *conn) subscribe(id uint64) error {
	for last := uint64(0); ; {
		batch, next, changed := c.r.after(last)
		for waited := time.Duration(0); len(batch) > 0 && !slices.ContainsFunc(batch, ends) && waited < startPause; waited += sendPause {
			time.Sleep(sendPause)
			batch, next, changed = c.r.after(last)
		}
		last = next
		if len(batch) > 0 {
			if err := c.send(&Response{ID: id, Reports: batch}); err != nil {
				return err
			}
			time.Sleep(sendPause)
			continue
		}
		select {
		case <-changed:
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

func ends(r Report) bool { return r.Exit != nil }

func (c *conn) logs(id uint64, q *LogRequest) error {
	c.r.mu.Lock()
	p, live := c.r.procs[q.Key], (*output)(nil)
	known := p != nil || c.r.settled.has(q.Key)
	changed := c.r.changed
	if p != nil {
		live = p.output
	}
	waiting := p != nil && live == nil && p.exit == nil
	c.r.mu.Unlock()
	switch {
	case !known:
		return refuse(CodeUnknown, "%s is not known to the runner", q.Key)
	case waiting && !q.Follow:
		return nil
	case waiting: // until it is forked
		select {
		case <-changed:
			return c.logs(id, q)
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	case live == nil:
		live = c.r.archive.stored(q.Key)
	}
	return live.follow(c.ctx, q.Tail, q.Follow, func(text []byte) error {
		return c.send(&Response{ID: id, Log: text})
	})
}
