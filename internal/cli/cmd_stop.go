package cli

import (
	"math"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
)

func (c *command) cmdStop() *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "stop RUN|JOB…",
		Short: "Stop runs or jobs",
		Args:  between(1, math.MaxInt, "runs or jobs"),
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
				if r.run != nil && ended(r.run.Status) {
					c.note("run %s has ended: %s", runID(r.run.ID), r.run.Status)
					continue
				}
				if r.job != nil && r.job.Done() {
					c.note("job %s has ended: %s", jobID(r.job.ID), r.job.State)
					continue
				}
				if r.run != nil {
					err = cl.Stop(cmd.Context(), r.run.ID, client.StopRun{Error: "Tutti.Stopped", Cause: why})
					name = "run " + runID(r.run.ID)
				} else {
					err = cl.Cancel(cmd.Context(), r.job.ID, why)
					name = "job " + jobID(r.job.ID)
				}
				if err != nil {
					return err
				}
				c.note("%s was told to stop", name)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&why, "why", "", "what to say was the cause")
	return cmd
}
