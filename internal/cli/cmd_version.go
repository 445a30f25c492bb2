package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/internal/app"
)

func (c *command) cmdVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which release this is",
		Args:  exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			v := app.Version(c.Version)
			return c.print(v, func() *table {
				t := &table{}
				t.add(fmt.Sprintf("tutti %s %s (%s)", v.Version, v.Revision, v.Go))
				return t
			})
		},
	}
}
