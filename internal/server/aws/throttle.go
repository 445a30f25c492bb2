package aws

import (
	"sync"
	"time"
)

// Rate is how many requests a principal may make. The zero Rate bounds nothing.
type Rate struct {
	PerSecond float64
	Burst     int // at once, after a rest; at least 1
}

// throttle gives each principal a bucket of tokens, which fills with time and of which each request takes one.
type throttle struct {
	mu      sync.Mutex // guards buckets
	buckets map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// maxBuckets bounds the principals that are remembered; then all begin anew.
const maxBuckets = 10_000

// take reports whether the principal may make a request now.
func (t *throttle) take(principal string, rate Rate, now time.Time) bool {
	if rate.PerSecond <= 0 {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	full := float64(max(rate.Burst, 1))
	b := t.buckets[principal]
	if b == nil {
		if t.buckets == nil || len(t.buckets) >= maxBuckets {
			t.buckets = make(map[string]*bucket)
		}
		b = &bucket{full, now}
		t.buckets[principal] = b
	}
	b.tokens = min(full, b.tokens+max(now.Sub(b.at), 0).Seconds()*rate.PerSecond)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
