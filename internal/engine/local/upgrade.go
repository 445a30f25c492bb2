package local

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/tutti-ml/tutti/internal/runner"
)

// upgrade has a runner that an earlier version of us started go on as ours; its processes run on. One that cannot do
// that now, or is too old to know how, stays as it is: we speak its protocol.
func (e *Engine) upgrade(ctx context.Context, c *runner.Client) error {
	build, err := runner.Build()
	if err != nil {
		return err
	}
	was := c.Facts()
	if was.Build == build || len(e.cfg.Command) == 0 || !filepath.IsAbs(e.cfg.Command[0]) {
		return nil
	}
	err = c.Upgrade(ctx, runner.Upgrade{Program: e.cfg.Command[0], Args: e.cfg.Command[1:]})
	if isProtocolError(err) {
		e.log.Info("the runner goes on as the program that it is", "pid", was.PID, "why", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("upgrading the runner: %w", err)
	}
	if c, err = e.connect(ctx); err != nil {
		return err
	}
	e.log.Info("the runner was upgraded", "pid", c.Facts().PID, "from", short(was.Build), "to", short(c.Facts().Build))
	return nil
}

// short is enough of a build's name to tell it from others.
func short(build string) string { return build[:min(12, len(build))] }
