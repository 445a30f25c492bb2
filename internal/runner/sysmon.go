package runner

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// monitorSlack is how late, in nanoseconds, the kernel may wake the Go runtime's monitor thread.
const monitorSlack = "1000000"

// calmMonitor lets the runtime's monitor thread sleep longer. While system calls block, which here is always, it wakes
// every 20 µs; on a virtual machine, where each timer is a trip to the hypervisor, that took 200 µs of processor time
// for each process started: as much as all else that the runner does for it, and a sixth of the rate. What the monitor is
// for comes a millisecond later: it hands on the processors of blocked calls, and preempts what runs for 10 ms.
//
// The slack of a thread is inherited by what it forks (see PR_SET_TIMERSLACK in prctl(2)); this one forks nothing.
func calmMonitor() error {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("looking for the runtime's monitor thread: %w", err)
	}
	var threads []int
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil && tid != os.Getpid() {
			threads = append(threads, tid)
		}
	}
	if len(threads) == 0 {
		return errors.New("looking for the runtime's monitor thread: there is only one thread")
	}
	first := slices.Min(threads) // the runtime starts it before any other
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/timerslack_ns", first), []byte(monitorSlack), 0); err != nil {
		return fmt.Errorf("letting the runtime's monitor thread sleep longer: %w", err)
	}
	return nil
}
