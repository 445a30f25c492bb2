package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/lang/expr/jsonata"
	"github.com/tutti-ml/tutti/internal/value"
)

//go:embed testdata/expr.json
var expressions []byte

// orders is a document of a hundred orders of three products each.
//
//go:embed testdata/orders.json
var orders string

//go:embed expr.mjs
var exprScript string

// expr compares our JSONata with jsonata.js: twelve expressions on a document of a hundred items, in one run.
func expr(b *bench) error {
	var all []struct{ Name, Text string }
	if err := json.Unmarshal(expressions, &all); err != nil {
		return err
	}
	var texts []string
	for _, e := range all {
		texts = append(texts, e.Text)
	}
	theirs, err := jsonataJS(orders, texts)
	if err != nil {
		return err
	}
	input := value.MustParse(orders)
	product, sums := 1.0, [2]float64{}
	for i, e := range all {
		ours, err := timeJSONata(e.Text, input)
		if err != nil {
			return err
		}
		b.add(row{Bench: "expr", Metric: e.Name, Value: ours / 1e3, Unit: "µs", Lower: true})
		b.add(row{Bench: "expr", Metric: e.Name + ", jsonata.js over ours", Value: theirs[i] / ours, Unit: "times", Target: 5})
		product *= theirs[i] / ours
		sums[0] += theirs[i]
		sums[1] += ours
	}
	b.add(row{Bench: "expr", Metric: "all twelve, jsonata.js over ours", Value: sums[0] / sums[1], Unit: "times", Target: 5})
	b.add(row{Bench: "expr", Metric: "geometric mean of the ratios", Value: math.Pow(product, 1/float64(len(all))), Unit: "times", Target: 5})
	return nil
}

// timeJSONata is the nanoseconds of one evaluation.
func timeJSONata(text string, input value.Value) (float64, error) {
	e, err := jsonata.Compile(text)
	if err != nil {
		return 0, err
	}
	best := math.MaxFloat64
	for range 3 {
		n := 0
		began := time.Now()
		for ; time.Since(began) < 200*time.Millisecond; n++ {
			if _, _, err := e.Eval(jsonata.Scope{Input: input}); err != nil {
				return 0, err
			}
		}
		best = min(best, float64(time.Since(began))/float64(n))
	}
	return best, nil
}

// jsonataJS is the nanoseconds of one evaluation of each by jsonata.js, which make setup-oracle installs.
func jsonataJS(document string, texts []string) ([]float64, error) {
	modules, err := filepath.Abs("build/oracle")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(modules, "node_modules", "jsonata")); err != nil {
		return nil, fmt.Errorf("jsonata.js is missing: make setup-oracle: %w", err)
	}
	question, err := json.Marshal(map[string]any{"document": json.RawMessage(document), "expressions": texts})
	if err != nil {
		return nil, err
	}
	node := exec.Command("node", "--input-type=module", "--eval", exprScript, "--", modules)
	node.Stdin, node.Stderr = strings.NewReader(string(question)), os.Stderr
	out, err := node.Output()
	if err != nil {
		return nil, err
	}
	var figures []float64
	if err := json.Unmarshal(out, &figures); err != nil {
		return nil, err
	}
	if len(figures) != len(texts) {
		return nil, errors.New("jsonata.js left expressions out")
	}
	return figures, nil
}
