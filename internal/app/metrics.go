package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store"
)

// metrics are the engine's own signs. What a room counts is read when somebody asks.
type metrics struct {
	app      *App
	registry *prometheus.Registry
	latency  prometheus.Histogram
	units    prometheus.Histogram
	events   prometheus.Counter
	bytes    prometheus.Counter
	starts   prometheus.Counter
}

func newMetrics(a *App) *metrics {
	m := &metrics{
		app:      a,
		registry: prometheus.NewRegistry(),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tutti_commit_duration_seconds", Help: "Time that a commit took, sync included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		units: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tutti_commit_units", Help: "Changes of runs, jobs and objects in one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 7),
		}),
		events: prometheus.NewCounter(prometheus.CounterOpts{Name: "tutti_events_total", Help: "Events of runs committed."}),
		bytes:  prometheus.NewCounter(prometheus.CounterOpts{Name: "tutti_frame_bytes_total", Help: "Bytes of frames committed."}),
		starts: prometheus.NewCounter(prometheus.CounterOpts{Name: "tutti_process_starts_total", Help: "Starts of processes that the engine accepted."}),
	}
	m.registry.MustRegister(m.latency, m.units, m.events, m.bytes, m.starts, m,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) committed(s store.CommitStats) {
	m.latency.Observe(s.Took.Seconds())
	m.units.Observe(float64(s.Units))
	m.events.Add(float64(s.Events))
	m.bytes.Add(float64(s.Bytes))
	m.app.watchdog.beat("commits")
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	descWaiting  = describe("tutti_commit_waiting_units", "Changes that wait for the next commit.")
	descResident = describe("tutti_runs_resident", "Runs in memory.")
	descReady    = describe("tutti_runs_ready", "Runs that wait for a worker.")
	descHeld     = describe("tutti_runs_held", "Runs that other runs ordered and that wait for room on the disk.")
	descLag      = describe("tutti_inbox_lag_seconds", "How long runs have been ready without any being taken.")
	descEffects  = describe("tutti_tasks_active", "Tasks that the server itself carries out.")
	descStarted  = describe("tutti_tasks_started_total", "Tasks that the server itself began to carry out.")
	descTimers   = describe("tutti_timers", "Timers in memory.")
	descJobs     = describe("tutti_jobs", "Jobs that have not ended.", "state")
	descAge      = describe("tutti_queue_oldest_seconds", "Age of the oldest job that waits.", "queue")
	descQueued   = describe("tutti_queue_waiting_jobs", "Jobs that have something to start.", "queue")
	descFree     = describe("tutti_disk_free_bytes", "Free space where the data are.")
	descSize     = describe("tutti_store_bytes", "Space that the store takes.")
)

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	a := m.app
	gauge(descWaiting, float64(a.writer.Waiting()))
	gauge(descFree, float64(a.disk.free.Load()))
	if a.kernel == nil || a.dispatch == nil {
		return // described before everything is wired
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if size, err := a.store.Size(ctx); err == nil {
		gauge(descSize, float64(size))
	}
	k := a.kernel.Stats()
	gauge(descResident, float64(k.Resident))
	gauge(descReady, float64(k.Ready))
	gauge(descHeld, float64(k.Held))
	gauge(descLag, k.Stalled.Seconds())
	gauge(descEffects, float64(k.Effects))
	gauge(descTimers, float64(k.Timers))
	ch <- prometheus.MustNewConstMetric(descStarted, prometheus.CounterValue, float64(k.Started))
	for _, q := range a.dispatch.Queues() {
		gauge(descQueued, float64(q.Waiting), q.Name)
	}
	m.collectJobs(ctx, gauge)
}

// collectJobs counts the jobs that are open: as many as there are now, whatever there were.
func (m *metrics) collectJobs(ctx context.Context, gauge func(*prometheus.Desc, float64, ...string)) {
	counts := map[job.State]int{}
	oldest := map[string]time.Time{}
	err := m.app.store.OpenJobs(ctx, func(j *job.Job) bool {
		counts[j.State]++
		if at, ok := oldest[j.Spec.Queue]; j.State == job.Queued && (!ok || j.Submitted.Before(at)) {
			oldest[j.Spec.Queue] = j.Submitted
		}
		return true
	})
	if err != nil {
		return
	}
	for s := job.Held; s <= job.Stopping; s++ {
		gauge(descJobs, float64(counts[s]), s.String())
	}
	for queue, at := range oldest {
		if queue == "" {
			queue = "default"
		}
		gauge(descAge, time.Since(at).Seconds(), queue)
	}
}
