package integration

import (
	"testing"
	"time"
)

func TestWireSeconds(t *testing.T) {
	t.Parallel()
	for ms, want := range map[int64]string{
		1687282193456: "1.687282193456E9",
		1687282193450: "1.68728219345E9",
		1687282193000: "1.687282193E9",
		2000000000000: "2.0E9",
	} {
		if got := wireSeconds(time.UnixMilli(ms)); got != want {
			t.Errorf("%d milliseconds are %s, want %s", ms, got, want)
		}
	}
}
