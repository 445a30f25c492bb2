package sfn

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// Changes that come at once take turns: none finds that another was faster.
func TestChangesTakeTurns(t *testing.T) {
	t.Parallel()
	s := testService()
	const many = 20
	var inside atomic.Int32
	done := make(chan error, many)
	for range many {
		go func() {
			done <- s.changed(func() (bool, error) {
				alone := inside.Add(1) == 1
				for range 100 {
					runtime.Gosched() // as at the disk
				}
				inside.Add(-1)
				return alone, nil
			})
		}()
	}
	for range many {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
