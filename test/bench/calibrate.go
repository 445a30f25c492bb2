package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// calibration is what the machine can do by itself, at the time of the run.
type calibration struct {
	CPUs      int     `json:"cpus"`
	Fdatasync float64 `json:"fdatasyncP50Ms"`            // after an append of 4 KiB
	ForkExec  float64 `json:"forkExecPerSecond"`         // one after another
	Spawners  float64 `json:"forkExecSpawnersPerSecond"` // by as many at once as the runner forks with
	Hash      float64 `json:"sha256MBPerSecond"`         // one core
}

// The names of calibrations in row.Bound.
const (
	boundSync = "fdatasync"
	boundFork = "forkexec by 4"
	boundHash = "sha256"
)

func (c calibration) named(name string) (float64, bool) {
	switch name {
	case boundSync:
		return c.Fdatasync, true
	case boundFork:
		return c.Spawners, true
	case boundHash:
		return c.Hash, true
	}
	return 0, false
}

func calibrate(dir string) (c calibration, err error) {
	c.CPUs = runtime.NumCPU()
	c.Hash = hashRate()
	if c.ForkExec, err = forkRate(1); err != nil {
		return c, err
	}
	if c.Spawners, err = forkRate(spawners); err != nil {
		return c, err
	}
	c.Fdatasync, err = syncTime(dir)
	return c, err
}

func hashRate() float64 {
	block := make([]byte, 1<<20)
	n, began := 0, time.Now()
	for time.Since(began) < 300*time.Millisecond {
		sum := sha256.Sum256(block)
		block[0] = sum[0]
		n++
	}
	return float64(n) * 1.048576 / time.Since(began).Seconds()
}

// spawners is how many goroutines the runner forks with.
const spawners = 4

// forkRate starts /bin/true by some at once, each one after another, as bare as Go can.
func forkRate(by int) (float64, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	fd := null.Fd()
	var n atomic.Int64
	var group errgroup.Group
	began := time.Now()
	for range by {
		group.Go(func() error {
			for time.Since(began) < time.Second {
				pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{Files: []uintptr{fd, fd, fd}})
				if err != nil {
					return err
				}
				var status syscall.WaitStatus
				if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
					return err
				}
				n.Add(1)
			}
			return nil
		})
	}
	err = group.Wait()
	return float64(n.Load()) / time.Since(began).Seconds(), err
}

// syncTime is the median in milliseconds.
func syncTime(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "calibration"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	var took []time.Duration
	for range 300 {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		began := time.Now()
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return percentile(took, 50), nil
}

// percentile is in milliseconds.
func percentile(took []time.Duration, p int) float64 {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return float64(took[min(len(took)-1, len(took)*p/100)]) / float64(time.Millisecond)
}
