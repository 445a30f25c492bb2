package app

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/local"
	"github.com/tutti-ml/tutti/internal/runner"
)

// Doctor says what a server with this configuration finds on its machine. It changes nothing.
func Doctor(ctx context.Context, conf Config) []client.Check {
	checks := []client.Check{checkRights(conf), checkData(conf)}
	declared, err := localConfig(&conf)
	if err != nil {
		return append(checks, client.Check{Name: "program", Found: err.Error()})
	}
	found, err := local.Hardware(ctx)
	if err != nil {
		return append(checks, client.Check{Name: "hardware", Found: err.Error()})
	}
	checks = append(checks, checkCapacity(declared.Capacity, found)...)
	if c, err := runner.Dial(ctx, declared.Dir); err == nil {
		defer c.Close()
		return append(checks, checkRunner(c.Facts())...)
	}
	return append(checks, client.Check{
		Name: "runner", OK: true, Found: "not started yet; with 'tutti up' running, doctor says how it limits and ends processes",
	})
}

func checkRights(conf Config) client.Check {
	c := client.Check{Name: "rights", OK: true, Found: "jobs run as the server's own user"}
	if os.Getuid() == 0 {
		c.Found = "root: jobs run as their owners"
		if !conf.AllowRoot {
			c.Found += ", and root's own are refused"
			c.Remedy = "Submit as another user, or set allowRoot: true."
		}
	}
	return c
}

func checkData(conf Config) client.Check {
	c := client.Check{Name: "data", Found: conf.Data}
	dir := conf.Data
	var s unix.Statfs_t
	err := unix.Statfs(dir, &s)
	for err != nil && dir != "/" && dir != "." { // not made yet: what it will lie on
		dir = dir[:max(strings.LastIndexByte(dir, '/'), 1)]
		if dir != "/" {
			dir = strings.TrimSuffix(dir, "/")
		}
		err = unix.Statfs(dir, &s)
	}
	if err != nil {
		c.Found += ": " + err.Error()
		c.Remedy = "Name another directory with --data."
		return c
	}
	free := int64(s.Bavail) * s.Bsize
	c.Found += fmt.Sprintf(", %d MiB free", free>>20)
	c.OK = free >= int64(conf.DiskReserve)
	if !c.OK {
		c.Remedy = "New work is refused below diskReserve: free some space, or lower it."
	}
	return c
}

// checkCapacity says what may be given out, and where that is more than there is.
func checkCapacity(declared local.Capacity, found engine.Node) []client.Check {
	check := func(name, unit string, says, has int64) client.Check {
		c := client.Check{Name: name, OK: true, Found: fmt.Sprintf("%d %s", has, unit)}
		if says != 0 && says != has {
			c.Found = fmt.Sprintf("%d %s declared, %d found", says, unit, has)
		}
		if says > has {
			c.OK, c.Remedy = false, "More is declared than there is: jobs will share it."
		}
		return c
	}
	gpus := check("gpus", "GPUs", int64(len(declared.GPUs)), int64(len(found.GPUs)))
	if len(found.GPUs) > 0 {
		gpus.Found += ": " + found.GPUs[0].Kind
	}
	return []client.Check{
		check("cpu", "thousandths of a core", declared.MilliCPU, found.MilliCPU),
		check("memory", "MiB", declared.Memory>>20, found.Memory>>20), gpus,
	}
}

func checkRunner(f runner.Facts) []client.Check {
	have := func(name, found, without, remedy string) client.Check {
		if found == "" {
			return client.Check{Name: name, Found: without, Remedy: remedy}
		}
		return client.Check{Name: name, OK: true, Found: found}
	}
	checks := []client.Check{
		have("process trees", f.Contain, "nothing holds a job's processes together", "Run as root, or where user namespaces are allowed."),
		have("memory limits", f.Memory, "memory is counted, and not enforced", "Let the server write a cgroup with the memory controller."),
		have("cpu limits", f.CPU, "CPU is counted, and not enforced", "Let the server write a cgroup with the cpu controller."),
	}
	mounts := ""
	if f.Mounts {
		mounts = "private mount namespaces"
	}
	checks = append(checks, have("mounts", mounts, "jobs with volumes cannot run", "Run as root, or where user namespaces are allowed."))
	for _, n := range f.Notes {
		checks = append(checks, client.Check{Name: "note", OK: true, Found: n})
	}
	return checks
}
