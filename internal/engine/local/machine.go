package local

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/engine"
)

// Capacity is what may be given out. Zero fields are what the hardware has; what is declared counts, even if it is more.
type Capacity struct {
	Node     string // its name; empty: the host's name
	MilliCPU int64
	Memory   int64        // bytes
	GPUs     []engine.GPU // nil: those that nvidia-smi finds
	Labels   map[string]string
}

func (c *Capacity) declared() bool { return c.MilliCPU != 0 || c.Memory != 0 || c.GPUs != nil }

// node is the machine as an engine's node.
func (c *Capacity) node(ctx context.Context) (engine.Node, error) {
	has, err := Hardware(ctx)
	if err != nil {
		return engine.Node{}, err
	}
	n := engine.Node{
		Name: cmp.Or(c.Node, has.Name), Ready: true, Labels: c.Labels, Declared: c.declared(), GPUs: has.GPUs,
		MilliCPU: cmp.Or(c.MilliCPU, has.MilliCPU), Memory: cmp.Or(c.Memory, has.Memory),
	}
	if c.GPUs != nil {
		n.GPUs = c.GPUs
	}
	return n, nil
}

// Hardware is what there really is, whatever was declared.
func Hardware(ctx context.Context) (engine.Node, error) {
	name, err := os.Hostname()
	if err != nil {
		return engine.Node{}, fmt.Errorf("finding the name of this machine: %w", err)
	}
	memory, err := totalMemory()
	if err != nil {
		return engine.Node{}, err
	}
	gpus, err := findGPUs(ctx)
	if err != nil {
		return engine.Node{}, err
	}
	return engine.Node{Name: name, MilliCPU: int64(runtime.NumCPU()) * 1000, Memory: memory, GPUs: gpus}, nil
}

func totalMemory() (int64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("finding how much memory there is: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("finding how much memory there is: /proc/meminfo has no MemTotal")
}

// smiPatience is how long nvidia-smi may take; without a persistent driver it wakes each GPU first.
const smiPatience = 30 * time.Second

// findGPUs asks nvidia-smi; a machine without it has no GPU.
func findGPUs(ctx context.Context) ([]engine.GPU, error) {
	program, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, smiPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--query-gpu=index,name,memory.total,uuid", "--format=csv,noheader,nounits").Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) { // it says why on its standard output: no device, no driver
			return nil, nil
		}
		return nil, fmt.Errorf("asking nvidia-smi for GPUs: %w", err)
	}
	return parseGPUs(out)
}

// parseGPUs reads what nvidia-smi prints: index, name, MiB, UUID.
func parseGPUs(out []byte) ([]engine.GPU, error) {
	r := csv.NewReader(bytes.NewReader(out))
	r.TrimLeadingSpace, r.FieldsPerRecord = true, 4
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading what nvidia-smi says: %w", err)
	}
	var gpus []engine.GPU
	for _, row := range rows {
		index, err := strconv.ParseInt(row[0], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading what nvidia-smi says: %q is no index", row[0])
		}
		mib, _ := strconv.ParseInt(row[2], 10, 64) // some print [N/A], such as those that share the machine's memory
		gpus = append(gpus, engine.GPU{Index: int32(index), Kind: row[1], Memory: mib << 20, UUID: row[3]})
	}
	return gpus, nil
}
