// Command bench measures what the project promises, on SQLite with fsync on, and prints a table and JSON.
//
// Figures of one machine mean little on another, and little on the same one tomorrow: each file carries the machine's
// calibration, taken in the same run, and every row its ratio to the one that bounds it. Compare ratios.
//
//	go run ./test/bench [-rows chain,tasks] [-scale 0.1] [-json FILE] [-cpuprofile FILE]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/tutti-ml/tutti/internal/app"
)

// row is one measured figure.
type row struct {
	Bench  string  `json:"bench"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Target float64 `json:"target,omitempty"` // what the project promises; 0: shown for itself
	Lower  bool    `json:"lowerIsBetter,omitempty"`
	Bound  string  `json:"bound,omitempty"` // the calibration it is compared with
	Ratio  float64 `json:"ratio,omitempty"` // Value in units of it
}

// report is the whole file.
type report struct {
	Calibration calibration `json:"calibration"`
	Scale       float64     `json:"scale"` // of the workloads; figures at 1 count
	Rows        []row       `json:"rows"`
}

// bench is what one measurement gets.
type bench struct {
	ctx    context.Context
	dir    string  // empty, on the disk that is measured
	scale  float64 // of the work
	report *report
}

// n is count scaled, at least 1.
func (b *bench) n(count int) int { return max(1, int(float64(count)*b.scale)) }

func (b *bench) add(r row) {
	if c, ok := b.report.Calibration.named(r.Bound); ok && c > 0 {
		r.Ratio = r.Value / c
	}
	b.report.Rows = append(b.report.Rows, r)
	fmt.Fprintf(os.Stderr, "  %s: %s %.4g %s\n", r.Bench, r.Metric, r.Value, r.Unit)
}

var benches = []struct {
	name string
	run  func(*bench) error
}{
	{"decide", decide},
	{"expr", expr},
	{"chain", chain},
	{"tasks", tasks},
	{"map", mapState},
	{"sleep", sleep},
	{"spawn", spawn},
	{"api", api},
	{"history", history},
}

func main() {
	rows := flag.String("rows", "", "only these benches, by commas")
	scale := flag.Float64("scale", 1, "of the workloads")
	file := flag.String("json", "", "write the report to this file")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the benches to this file")
	flag.Parse()
	if flag.NArg() == 2 {
		os.Exit(runWorker(flag.Arg(0), flag.Arg(1)))
	}
	if err := measure(*rows, *scale, *file, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(only string, scale float64, file, profile string) error {
	app.TuneMemory() // as a server does
	r := &report{Scale: scale}
	base, err := os.MkdirTemp("", "tutti-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	fmt.Fprintln(os.Stderr, "calibrating")
	if r.Calibration, err = calibrate(base); err != nil {
		return fmt.Errorf("calibrating: %w", err)
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for _, b := range benches {
		if only != "" && !slices.Contains(strings.Split(only, ","), b.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, b.name)
		dir, err := os.MkdirTemp(base, b.name+"-")
		if err != nil {
			return err
		}
		if err := b.run(&bench{ctx: context.Background(), dir: dir, scale: scale, report: r}); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	show(r)
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

func show(r *report) {
	c := r.Calibration
	fmt.Printf("calibration: fdatasync p50 %.3f ms, bare fork+exec %.0f a second and %.0f by %d at once, sha256 on one core %.0f MB/s, %d CPUs\n\n",
		c.Fdatasync, c.ForkExec, c.Spawners, spawners, c.Hash, c.CPUs)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BENCH\tMETRIC\tVALUE\tUNIT\tTARGET\tMET\tRATIO\tTO")
	for _, x := range r.Rows {
		target, met, ratio := "", "", ""
		if x.Target != 0 {
			target = fmt.Sprintf("%.4g", x.Target)
			met = "yes"
			if x.Lower && x.Value > x.Target || !x.Lower && x.Value < x.Target {
				met = "no"
			}
		}
		if x.Ratio != 0 {
			ratio = fmt.Sprintf("%.4g", x.Ratio)
		}
		fmt.Fprintf(w, "%s\t%s\t%.4g\t%s\t%s\t%s\t%s\t%s\n", x.Bench, x.Metric, x.Value, x.Unit, target, met, ratio, x.Bound)
	}
	w.Flush()
}
