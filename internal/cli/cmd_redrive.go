package cli

import (
	"math"

	"github.com/spf13/cobra"
)

func (c *command) cmdRedrive() *cobra.Command {
	return &cobra.Command{
		Use:   "redrive RUN…",
		Short: "Have runs go on that failed, timed out or were stopped",
		Long: "Have runs go on that failed, timed out or were stopped. A run goes on with the states that it did not leave, with the " +
			"input that they had; what succeeded is not done again.",
		Args: between(1, math.MaxInt, "runs"),
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
				if r.run == nil {
					return usage("%q is a job: only runs are redriven", name)
				}
				again, err := cl.Redrive(cmd.Context(), r.run.ID)
				if err != nil {
					return err
				}
				c.note("run %s goes on", runID(again.ID))
			}
			return nil
		},
	}
}
