package cli

import (
	"context"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
)

func (c *command) cmdSuspend() *cobra.Command {
	return c.hold("suspend", "Hold jobs back: what of them runs goes on, nothing more starts", "is suspended", (*client.Client).Suspend)
}

func (c *command) cmdResume() *cobra.Command {
	return c.hold("resume", "Let suspended jobs go on", "goes on", (*client.Client).Resume)
}

// hold is a command that asks something of jobs, and says of each what it does then.
func (c *command) hold(name, short, does string, ask func(*client.Client, context.Context, int64) error) *cobra.Command {
	return &cobra.Command{
		Use:   name + " JOB…",
		Short: short,
		Args:  between(1, math.MaxInt, "jobs"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			for _, name := range args {
				r, err := find(cmd.Context(), cl, name)
				if err != nil {
					return err
				}
				switch {
				case r.job == nil:
					return fmt.Errorf("%s is a run, and only jobs can be suspended; to end a run: tutti stop %s", name, name)
				case r.job.Done():
					c.note("job %s has ended: %s", jobID(r.job.ID), r.job.State)
					continue
				}
				if err := ask(cl, cmd.Context(), r.job.ID); err != nil {
					return err
				}
				c.note("job %s %s", jobID(r.job.ID), does)
			}
			return nil
		},
	}
}
