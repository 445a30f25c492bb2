package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
)

// Writer is the one place that commits.
//
// The plain way would be a transaction for each change: some thousand a second, as many as the disk can sync. Instead,
// whoever has a change leaves it in a queue and goes on; the writer takes the whole queue whenever it is free, makes it
// durable in one transaction, and answers. So the batch grows with the load by itself, a lone change waits for nobody,
// and the cost of the sync is shared. The queue is a slice under a mutex that is swapped for an empty one: a channel
// would cost a wake-up for each change.
//
// The unhappy way: an error of Commit leaves unknown what is on the disk. The writer then answers nobody, refuses
// everything from then on, and Run returns the error; the process is to stop and fold again from the disk.
type Writer struct {
	store  Store
	listen []func([]*Unit, []Verdict)

	lastRun atomic.Int64
	lastJob atomic.Int64

	mu      sync.Mutex // guards waiting, bytes, failed
	waiting []*Unit
	failed  error
	wake    chan struct{} // holds one token while waiting is not empty

	spare []*Unit       // the slice swapped out last; Flush's own
	down  chan struct{} // closed when failed is set

	// Blobs, where set before the first Submit, take values larger than BlobAbove out of the units.
	Blobs Blobs
	// Observe, where set before the first commit, is told of each.
	Observe func(CommitStats)
}

// CommitStats says what a commit took.
type CommitStats struct {
	Units, Events, Bytes int
	Took                 time.Duration
}

// MaxUnits bounds a transaction, so that a burst does not hold up the change that comes after it for long.
const MaxUnits = 4096

// ErrStopped answers a Commit after the writer failed or stopped.
var ErrStopped = errors.New("the store takes no more changes")

// NewWriter returns the writer of s. There must be no other.
func NewWriter(ctx context.Context, s Store) (*Writer, error) {
	w := &Writer{store: s, wake: make(chan struct{}, 1), down: make(chan struct{})}
	lastRun, lastJob, err := s.Last(ctx)
	if err != nil {
		return nil, err
	}
	w.lastRun.Store(int64(lastRun))
	w.lastJob.Store(int64(lastJob))
	return w, nil
}

// NewRunID gives a number that no run has.
func (w *Writer) NewRunID() run.ID { return run.ID(w.lastRun.Add(1)) }

// NewJobID gives a number that no job has.
func (w *Writer) NewJobID() job.ID { return job.ID(w.lastJob.Add(1)) }

// SkipJobs has NewJobID give numbers above last only.
func (w *Writer) SkipJobs(last job.ID) {
	for {
		now := w.lastJob.Load()
		if now >= int64(last) || w.lastJob.CompareAndSwap(now, int64(last)) {
			return
		}
	}
}

// Listen has f told of every batch that was committed, after the units' Done. It is called in the committing
// goroutine, must not block or commit, and must be set up before the first Submit.
func (w *Writer) Listen(f func([]*Unit, []Verdict)) { w.listen = append(w.listen, f) }

// Submit queues units, in their order and side by side, so that they meet in one transaction (but for MaxUnits). Each
// one's Done is called later, or never if the writer fails first.
func (w *Writer) Submit(units ...*Unit) {
	if len(units) == 0 {
		return
	}
	w.mu.Lock()
	if w.failed != nil {
		w.mu.Unlock()
		return
	}
	first := len(w.waiting) == 0
	w.waiting = append(w.waiting, units...)
	w.mu.Unlock()
	if first {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Commit submits u and waits for the verdict. It takes u's Done for itself.
func (w *Writer) Commit(ctx context.Context, u *Unit) (Verdict, error) {
	done := make(chan Verdict, 1)
	u.Done = func(v Verdict) { done <- v }
	w.Submit(u)
	select {
	case v := <-done:
		return v, nil
	case <-w.down:
		// The verdict may have come just before.
		select {
		case v := <-done:
			return v, nil
		default:
			return 0, errors.Join(ErrStopped, w.Err())
		}
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Err is what made the writer fail; nil while it works.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// Down is closed when the writer takes no more.
func (w *Writer) Down() <-chan struct{} { return w.down }

// Waiting is how many units wait.
func (w *Writer) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

// Run commits until ctx is done, then commits what is left and returns nil; or until a commit fails.
func (w *Writer) Run(ctx context.Context) error {
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			for w.Waiting() > 0 {
				if err := w.Flush(context.WithoutCancel(ctx)); err != nil {
					return err
				}
			}
			w.fail(ErrStopped)
			return nil
		}
		if err := w.Flush(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
}

// Flush commits what waits now, up to MaxUnits, in the caller's goroutine. The simulation calls it; otherwise Run does.
func (w *Writer) Flush(ctx context.Context) error {
	w.mu.Lock()
	batch := w.waiting
	w.waiting = w.spare[:0]
	if len(batch) > MaxUnits {
		w.waiting = append(w.waiting, batch[MaxUnits:]...)
		batch = batch[:MaxUnits]
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	failed := w.failed
	w.mu.Unlock()
	if failed != nil || len(batch) == 0 {
		return failed
	}

	began := time.Now()
	verdicts, err := w.commit(ctx, batch)
	if err != nil {
		w.fail(err)
		return err
	}
	if w.Observe != nil {
		s := CommitStats{Units: len(batch), Took: time.Since(began)}
		for _, u := range batch {
			if u.Run != nil {
				s.Events += u.Run.Count
				s.Bytes += len(u.Run.Frame)
			}
		}
		w.Observe(s)
	}
	for i, u := range batch {
		if u.Done != nil {
			u.Done(verdicts[i])
		}
	}
	for _, f := range w.listen {
		f(batch, verdicts)
	}
	clear(batch)
	w.spare = batch
	return nil
}

// commit puts large values in place before the commit that names them.
func (w *Writer) commit(ctx context.Context, batch []*Unit) ([]Verdict, error) {
	if w.Blobs != nil {
		for _, u := range batch {
			if err := moveLarge(u, w.Blobs); err != nil {
				return nil, err
			}
		}
	}
	return w.store.Commit(ctx, batch)
}

func (w *Writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = err
		close(w.down)
	}
	w.waiting = nil
}
