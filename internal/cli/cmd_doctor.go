package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/app"
)

func (c *command) cmdDoctor() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what was found on the machine, and what is missing",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			checks, err := cl.Doctor(cmd.Context())
			if errors.Is(err, client.ErrUnreachable) && c.server == "" {
				conf, err := app.LoadConfig(config, c.Env)
				if err != nil {
					return err
				}
				c.note("No server is up: this is what one would find.")
				checks = app.Doctor(cmd.Context(), conf)
			} else if err != nil {
				return err
			}
			return c.print(checks, func() *table {
				t := &table{}
				for _, k := range checks {
					mark := "ok"
					if !k.OK {
						mark = "--"
					}
					t.add(mark, k.Name, k.Found)
					if k.Remedy != "" {
						t.add("", "", k.Remedy)
					}
				}
				return t
			})
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "configuration `file`")
	return cmd
}
