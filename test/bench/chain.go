package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/value"
)

// chain runs 1,000 runs of 100 Pass and Choice states: what a transition costs when nothing is waited for.
func chain(b *bench) error {
	source, states := chainMachine(100), 100
	for _, v := range []struct {
		name   string
		runs   int
		budget int
		target float64
	}{
		{"chain", 1000, 0, 300_000},
		{"chain, one commit a state", 200, 1, 0},
	} {
		s, err := openSystem(b.ctx, fmt.Sprint(b.dir, "/", v.budget), func(o *kernel.Options) { o.BudgetEvents = v.budget })
		if err != nil {
			return err
		}
		runs := b.n(v.runs)
		began := time.Now()
		if err := s.finish(b.ctx, runs, 256, source, value.MustParse(`{"n":1,"text":"some forty bytes of payload here"}`)); err != nil {
			return err
		}
		took := time.Since(began).Seconds()
		b.add(row{Bench: v.name, Metric: "transitions", Value: float64(runs*states) / took, Unit: "/s", Target: v.target, Bound: boundHash})
		s.counts(b, v.name, float64(runs*states), "transition")
		if err := s.close(); err != nil {
			return err
		}
	}
	return nil
}

// chainMachine alternates Pass and Choice.
func chainMachine(states int) string {
	var m strings.Builder
	m.WriteString(`{"StartAt":"S0","States":{`)
	for i := range states - 1 {
		if i%2 == 0 {
			fmt.Fprintf(&m, `"S%d":{"Type":"Pass","Next":"S%d"},`, i, i+1)
		} else {
			fmt.Fprintf(&m, `"S%d":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":1,"Next":"S%d"}]},`, i, i+1)
		}
	}
	fmt.Fprintf(&m, `"S%d":{"Type":"Pass","End":true}}}`, states-1)
	return m.String()
}
