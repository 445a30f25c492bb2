package cli

import (
	"crypto/rand"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/internal/app"
)

func (c *command) cmdToken() *cobra.Command {
	var user string
	var admin bool
	cmd := &cobra.Command{
		Use:   "token NAME --user USER",
		Short: "Make a token for a user, and say what to add to the server's configuration",
		Args:  exactly(1, "a name for the token"),
		RunE: func(_ *cobra.Command, args []string) error {
			if user == "" {
				return usage("say whose token it is with --user")
			}
			text := "tutti_" + rand.Text()
			c.note("Add this to the server's tutti.yaml and send it SIGHUP; the token itself, below, is for %s alone:", user)
			c.note("tokens:\n  - name: %q\n    user: %q\n    sha256: %s", args[0], user, app.TokenDigest(text))
			if admin {
				c.note("    admin: true")
			}
			fmt.Fprintln(c.Stdout, text)
			return nil
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "the user whose things the token opens")
	cmd.Flags().BoolVar(&admin, "admin", false, "it opens everything")
	return cmd
}
