package catalog

import (
	"context"
	"time"

	"github.com/tutti-ml/tutti/internal/manifest"
)

// Function is something that takes a payload and gives a result: a program, or an address.
type Function struct {
	Name    string
	Version int64
	Command []string // empty: URL
	Dir     string
	Env     []string // NAME=VALUE
	URL     string
	Timeout time.Duration
}

// FunctionLimit is the time that a function has where it names none, as AWS Lambda has it.
const FunctionLimit = 15 * time.Minute

// Function finds a function by name or ARN.
func (c *Catalog) Function(ctx context.Context, by Caller, nameOrARN string) (Function, error) {
	o, err := c.Resolve(ctx, by, manifest.KindFunction, nameOrARN)
	if err != nil {
		return Function{}, err
	}
	f := Function{Name: o.Name, Version: o.Version, URL: o.Data.At("url").Text(), Dir: o.Data.At("dir").Text(), Timeout: FunctionLimit}
	for _, word := range o.Data.At("command").Elements() {
		f.Command = append(f.Command, word.Text())
	}
	for name, v := range o.Data.At("env").Members() {
		f.Env = append(f.Env, name+"="+v.Text())
	}
	if s, ok := o.Data.At("timeout").Int64(); ok {
		f.Timeout = time.Duration(s) * time.Second
	}
	return f, nil
}
