package cli

import (
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/app"
)

func (c *command) cmdValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE|DIR|-…",
		Short: "Say what is wrong with files, each fault with its place",
		Args:  between(1, math.MaxInt, "files"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			verdicts := []client.Validation{}
			valid := true
			for _, path := range args {
				files, err := c.readFiles(path)
				if err != nil {
					return err
				}
				for _, f := range files {
					v, err := cl.Validate(cmd.Context(), f)
					if errors.Is(err, client.ErrUnreachable) && c.server == "" {
						v, err = app.Validate(f), nil // a file needs no server to be looked at
					}
					if err != nil {
						return err
					}
					verdicts = append(verdicts, *v)
					valid = valid && v.Valid
					if c.output == "table" {
						c.printVerdict(f.Name, v)
					}
				}
			}
			if c.output != "table" {
				if err := c.print(verdicts, nil); err != nil {
					return err
				}
			}
			if !valid {
				return &status{code: exitFailed}
			}
			return nil
		},
	}
}

func (c *command) printVerdict(file string, v *client.Validation) {
	for _, f := range v.Faults {
		fmt.Fprintln(c.Stdout, f)
	}
	if v.Valid {
		fmt.Fprintf(c.Stdout, "%s: valid (%s)\n", file, v.Kind)
	} else {
		fmt.Fprintf(c.Stdout, "%s: not valid\n", file)
	}
}
