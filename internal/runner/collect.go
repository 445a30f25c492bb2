package runner

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// settleEvery is how long output may be in memory only.
	settleEvery = time.Second
	// collectAfter is how long a new process's output may wait in its pipes.
	collectAfter = 5 * time.Millisecond
	// collectPause is the time between two looks at the pipes, so that one look serves many processes.
	collectPause = 2 * time.Millisecond
)

// collector reads the output of all processes, in one goroutine.
type collector struct {
	epoll int
	stop  int // an eventfd that ends the loop
	log   *slog.Logger
	done  chan struct{}

	mu      sync.Mutex // guards all below
	outputs map[uint64]*output
	fresh   []uint64 // outputs that are not yet watched
	last    uint64
}

func newCollector(log *slog.Logger) (*collector, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an epoll instance: %w", err)
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, stop, &unix.EpollEvent{Events: unix.EPOLLIN})
	}
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("making an eventfd: %w", err)
	}
	c := &collector{epoll: epoll, stop: stop, log: log, done: make(chan struct{}), outputs: map[uint64]*output{}}
	go c.run()
	return c, nil
}

// add has the pipes of o read until they end, from a moment later on: most processes that live for less than that print
// less than a pipe holds, and whoever ends them reads it. That spares them a fifth of what starting them costs.
func (c *collector) add(o *output) (number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	c.outputs[c.last] = o
	c.fresh = append(c.fresh, c.last)
	if len(c.fresh) == 1 {
		time.AfterFunc(collectAfter, c.admit)
	}
	return c.last
}

// admit begins to watch what was added since the last time.
func (c *collector) admit() {
	c.mu.Lock()
	fresh := make(map[uint64]*output, len(c.fresh))
	for _, number := range c.fresh {
		if o := c.outputs[number]; o != nil {
			fresh[number] = o
		}
	}
	c.fresh = c.fresh[:0]
	c.mu.Unlock()
	for number, o := range fresh {
		if err := o.watch(c.epoll, number); err != nil {
			c.log.Error("output is read only when its process has ended", "error", err)
		}
	}
}

// watch adds the pipes that are still open to an epoll instance. An event carries the number of the output and of the
// stream, never the descriptor, which may have become another's.
func (o *output) watch(epoll int, number uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for stream, fd := range o.pipes {
		if fd < 0 {
			continue
		}
		token := number<<1 | uint64(stream)
		e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(token), Pad: int32(token >> 32)}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
			return fmt.Errorf("watching a pipe: %w", err)
		}
	}
	return nil
}

// remove forgets an output that was closed.
func (c *collector) remove(number uint64) {
	c.mu.Lock()
	delete(c.outputs, number)
	c.mu.Unlock()
}

func (c *collector) close() {
	one := [8]byte{1}
	if _, err := unix.Write(c.stop, one[:]); err != nil {
		c.log.Error("stopping the collector of output", "error", err)
		return
	}
	<-c.done
	unix.Close(c.stop)
	unix.Close(c.epoll)
}

func (c *collector) run() {
	defer close(c.done)
	events, buf := make([]unix.EpollEvent, 128), make([]byte, 64<<10)
	settled := time.Now()
	for {
		n, err := unix.EpollWait(c.epoll, events, int(settleEvery/time.Millisecond))
		if err != nil && err != unix.EINTR {
			c.log.Error("waiting for output", "error", err)
			return
		}
		flood := false
		for _, e := range events[:max(n, 0)] {
			token := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
			if token == 0 {
				return
			}
			c.mu.Lock()
			o := c.outputs[token>>1]
			c.mu.Unlock()
			if o != nil {
				flood = o.read(int(token&1), buf) == len(buf) || flood
			}
		}
		if !flood {
			time.Sleep(collectPause)
		}
		if time.Since(settled) > settleEvery {
			c.settle()
			settled = time.Now()
		}
	}
}

func (c *collector) settle() {
	c.mu.Lock()
	outputs := make([]*output, 0, len(c.outputs))
	for _, o := range c.outputs {
		outputs = append(outputs, o)
	}
	c.mu.Unlock()
	for _, o := range outputs {
		o.settle()
	}
}
