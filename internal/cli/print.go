package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v4"
)

// table is a result as people read it.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// print writes a result in the format of -o: v as JSON or YAML, or the table.
func (c *command) print(v any, t func() *table) error {
	switch c.output {
	case "json":
		e := json.NewEncoder(c.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	case "yaml":
		return writeYAML(c.Stdout, v)
	case "table":
		return t().write(c.Stdout)
	}
	return usage("-o %s: the formats are table, json and yaml", c.output)
}

func (t *table) write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	if len(t.head) > 0 {
		fmt.Fprintln(tw, strings.Join(t.head, "\t"))
	}
	for _, r := range t.rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	return tw.Flush()
}

// writeYAML writes what v's JSON holds, in its order: JSON is YAML, and the tree keeps what was written.
func writeYAML(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var tree yaml.Node
	if err := yaml.Load(text, &tree); err != nil {
		return err
	}
	block(&tree)
	out, err := yaml.Dump(&tree, yaml.WithIndent(2))
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// block undoes JSON's style: braces, and quotes where YAML needs none.
func block(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		block(child)
	}
}

// age is how long something has been, short: 4s, 12m, 3h, 5d.
func (c *command) age(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return short(c.Now().Sub(t))
}

// took is the time between two moments; while the second has not come, until now.
func (c *command) took(from, to time.Time) string {
	if from.IsZero() {
		return ""
	}
	if to.IsZero() {
		to = c.Now()
	}
	return short(to.Sub(from))
}

func short(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// amount is a number of bytes for people.
func amount(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprint(n)
	}
	f, i := float64(n), -1
	for f >= unit {
		f /= unit
		i++
	}
	return fmt.Sprintf("%.4g%ci", f, "KMGTPE"[i])
}
