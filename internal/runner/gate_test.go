package runner

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.enter()
		began := time.Now()
		if g.shut(time.Second) {
			t.Error("shut with somebody inside")
		}
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("waited for %s, want 1s", waited)
		}
		g.enter() // it is open again
		g.leave()

		shut := make(chan bool)
		go func() { shut <- g.shut(time.Second) }()
		synctest.Wait()
		if g.shut(time.Second) {
			t.Error("shut twice")
		}
		entered := false
		go func() { g.enter(); entered = true }()
		synctest.Wait()
		g.leave()
		if !<-shut || entered {
			t.Error("not shut when all are out")
		}
		g.open()
		synctest.Wait()
		if !entered {
			t.Error("still shut after open")
		}
	})
}
