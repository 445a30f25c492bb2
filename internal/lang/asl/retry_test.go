package asl

import (
	"testing"
	"time"
)

// TestErrorMatcher holds the wildcards of ErrorEquals against the names that failures have.
func TestErrorMatcher(t *testing.T) {
	t.Parallel()
	cases := []struct {
		want  string
		names map[string]bool
	}{
		{"States.ALL", map[string]bool{"Mine": true, "States.Timeout": true, "States.Permissions": true, "": true, "States.DataLimitExceeded": false, "States.Runtime": false}},
		{"States.TaskFailed", map[string]bool{"Mine": true, "States.Permissions": true, "States.Timeout": false, "States.HeartbeatTimeout": false, "States.DataLimitExceeded": false, "States.Runtime": false}},
		{"States.Timeout", map[string]bool{"States.Timeout": true, "States.HeartbeatTimeout": true, "Mine": false}},
		{"States.HeartbeatTimeout", map[string]bool{"States.HeartbeatTimeout": true, "States.Timeout": false}},
		{"States.DataLimitExceeded", map[string]bool{"States.DataLimitExceeded": true}},
		{"States.Runtime", map[string]bool{"States.Runtime": false}},
		{"Mine", map[string]bool{"Mine": true, "mine": false}},
	}
	for _, c := range cases {
		for name, want := range c.names {
			if got := (errorMatcher{"Other", c.want}).matches(name); got != want {
				t.Errorf("%s matches %q: %v, want %v", c.want, name, got, want)
			}
		}
	}
}

// TestDelay holds the delays of a retrier.
func TestDelay(t *testing.T) {
	t.Parallel()
	plain := retrier{interval: 2, backoff: 2}
	for n, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
		if got := plain.delay(n, 99); got != want {
			t.Errorf("delay %d is %v, want %v", n, got, want)
		}
	}
	half := retrier{interval: 1, backoff: 1.5}
	if got := half.delay(2, 0); got != 2250*time.Millisecond {
		t.Errorf("1 s at a rate of 1.5 twice is %v", got)
	}
	if got := plain.delay(5000, 0); got != maxSeconds*time.Second {
		t.Errorf("the longest delay is %v", got)
	}
	capped := retrier{interval: 2, backoff: 10, maxDelay: 30, jitter: true}
	for entropy := range uint64(100_000) {
		if d := capped.delay(3, entropy*0x9E3779B97F4A7C15); d < 0 || d > 30*time.Second {
			t.Fatalf("entropy %d gives %v", entropy, d)
		}
	}
}
