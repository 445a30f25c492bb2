package runner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// ErrGone means that the connection to the runner ended.
var ErrGone = errors.New("the runner is gone")

// Client talks to the runner of a directory.
type Client struct {
	dir   string
	facts Facts
	c     net.Conn

	writing sync.Mutex // one request at a time
	mu      sync.Mutex // guards all below
	last    uint64
	waiting map[uint64]chan *Response // a nil map: the connection ended
}

// Dial connects to the runner of dir, which must be running.
func Dial(ctx context.Context, dir string) (*Client, error) {
	c, err := dial(ctx, dir)
	if err != nil {
		return nil, err
	}
	k := &Client{dir: dir, c: c, waiting: map[uint64]chan *Response{}}
	go k.receive()
	a, err := k.ask(ctx, Request{Hello: &Hello{Version: Version}})
	if err != nil {
		c.Close()
		return nil, err
	}
	k.facts = *a.Facts
	return k, nil
}

func dial(ctx context.Context, dir string) (net.Conn, error) {
	short, done, err := shortPath(socketPath(dir))
	if err != nil {
		return nil, fmt.Errorf("connecting to the runner of %s: %w", dir, err)
	}
	defer done()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", short)
	if err != nil {
		return nil, fmt.Errorf("connecting to the runner of %s: %w", dir, err)
	}
	return c, nil
}

// Facts is what the runner said of itself.
func (k *Client) Facts() Facts { return k.facts }

// Close ends the connection, and nothing else.
func (k *Client) Close() error { return k.c.Close() }

// Gone reports whether the connection has ended.
func (k *Client) Gone() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.waiting == nil
}

func (k *Client) receive() {
	in := bufio.NewReaderSize(k.c, 64<<10)
	for {
		a := &Response{}
		if readFrame(in, a) != nil {
			break
		}
		k.mu.Lock()
		answer := k.waiting[a.ID]
		delete(k.waiting, a.ID)
		k.mu.Unlock()
		if answer != nil {
			answer <- a
		}
	}
	k.c.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, answer := range k.waiting {
		close(answer)
	}
	k.waiting = nil
}

// ask sends a request and waits for its answer.
func (k *Client) ask(ctx context.Context, q Request) (*Response, error) {
	answer := make(chan *Response, 1)
	k.mu.Lock()
	if k.waiting == nil {
		k.mu.Unlock()
		return nil, ErrGone
	}
	k.last++
	q.ID = k.last
	k.waiting[q.ID] = answer
	k.mu.Unlock()
	k.writing.Lock()
	err := writeFrame(k.c, &q)
	k.writing.Unlock()
	if err != nil {
		k.c.Close()
		return nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	select {
	case a, ok := <-answer:
		switch {
		case !ok:
			return nil, ErrGone
		case a.Error != nil:
			return nil, a.Error
		}
		return a, nil
	case <-ctx.Done():
		k.mu.Lock()
		delete(k.waiting, q.ID)
		k.mu.Unlock()
		return nil, ctx.Err()
	}
}

// Start has processes started; see StartBatch.
func (k *Client) Start(ctx context.Context, b StartBatch) error {
	_, err := k.ask(ctx, Request{Start: &b})
	return err
}

// Cancel ends a process; see Cancel.
func (k *Client) Cancel(ctx context.Context, c Cancel) error {
	_, err := k.ask(ctx, Request{Cancel: &c})
	return err
}

// Signal sends a signal.
func (k *Client) Signal(ctx context.Context, s Signal) error {
	_, err := k.ask(ctx, Request{Signal: &s})
	return err
}

// List gives the latest reports of what runs or is not acknowledged.
func (k *Client) List(ctx context.Context) ([]Report, error) {
	a, err := k.ask(ctx, Request{List: &struct{}{}})
	if err != nil {
		return nil, err
	}
	return a.Reports, nil
}

// LastJob is the highest number of a job of which the runner keeps anything.
func (k *Client) LastJob(ctx context.Context) (int64, error) {
	a, err := k.ask(ctx, Request{LastJob: &struct{}{}})
	if err != nil {
		return 0, err
	}
	return a.LastJob, nil
}

// Ack says that reports up to number need not be kept.
func (k *Client) Ack(ctx context.Context, number uint64) error {
	_, err := k.ask(ctx, Request{Ack: &Ack{number}})
	return err
}

// Usage measures a process tree.
func (k *Client) Usage(ctx context.Context, key Key) (Usage, error) {
	a, err := k.ask(ctx, Request{Usage: &key})
	if err != nil {
		return Usage{}, err
	}
	return *a.Usage, nil
}

// Forget drops what is kept of a job's ended processes.
func (k *Client) Forget(ctx context.Context, job int64) error {
	_, err := k.ask(ctx, Request{Forget: &Forget{job}})
	return err
}

// Shutdown ends the runner and every process of it, and waits until it has gone.
func (k *Client) Shutdown(ctx context.Context) error {
	_, err := k.ask(ctx, Request{Shutdown: &struct{}{}})
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// Upgrade has the runner go on as another program, and waits until it is about to answer as that; see Upgrade. The
// connection is of no more use then.
func (k *Client) Upgrade(ctx context.Context, u Upgrade) error {
	_, err := k.ask(ctx, Request{Upgrade: &u})
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// Subscribe yields reports, first those not acknowledged, until ctx is done or the runner is gone.
func (k *Client) Subscribe(ctx context.Context, yield func([]Report) bool) error {
	return k.stream(ctx, Request{Subscribe: &struct{}{}}, func(a *Response) bool {
		return len(a.Reports) == 0 || yield(a.Reports)
	})
}

// Logs yields lines of output.
func (k *Client) Logs(ctx context.Context, q LogRequest, yield func(Line) bool) error {
	lines := joiner{live: q.Follow}
	return k.stream(ctx, Request{Logs: &q}, func(a *Response) bool {
		if !lines.read(a.Log, yield) {
			return false
		}
		if a.Done {
			lines.end(yield)
		}
		return true
	})
}

// stream sends a request on a connection of its own and yields its responses.
func (k *Client) stream(ctx context.Context, q Request, yield func(*Response) bool) error {
	c, err := dial(ctx, k.dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	q.ID = 2
	for _, m := range []Request{{ID: 1, Hello: &Hello{Version: Version}}, q} {
		if err := writeFrame(c, &m); err != nil {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
	}
	in := bufio.NewReaderSize(c, 64<<10)
	for {
		var a Response
		if err := readFrame(in, &a); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
		switch {
		case a.Error != nil:
			return a.Error
		case a.ID != q.ID:
			continue
		case !yield(&a) || a.Done:
			return nil
		}
	}
}
