package cli

import "github.com/spf13/cobra"

func (c *command) cmdDelete() *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "delete KIND NAME",
		Short: "Delete a thing of the catalogue; runs under way keep the version that they began with",
		Args:  exactly(2, "a kind and a name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			kind, err := kindOf(args[0])
			if err != nil {
				return err
			}
			if kind == "run" || kind == "job" {
				return usage("a %s is not deleted: stop it with 'tutti stop %s', and the configured retention removes it", kind, args[1])
			}
			if err := cl.Delete(cmd.Context(), kind, namespace, args[1]); err != nil {
				return err
			}
			c.note("%s/%s deleted", kind, args[1])
			return nil
		},
	}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the namespace; absent: default")
	return cmd
}
