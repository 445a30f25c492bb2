package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/internal/app"
)

func (c *command) cmdBackup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Copy the server's data to a file while work goes on",
		Args:  exactly(1, "a file to write; - is standard output"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			cl, err := c.client()
			if err != nil {
				return err
			}
			if args[0] == "-" {
				return cl.Backup(cmd.Context(), c.Stdout)
			}
			if _, err := os.Lstat(args[0]); err == nil {
				return remedy("Name a new file, or remove this one.", fmt.Errorf("%s exists already", args[0]))
			}
			// The name appears when the copy is whole and on the disk.
			part := args[0] + ".part"
			f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			defer func() {
				if err != nil {
					os.Remove(part)
				}
			}()
			if err := cl.Backup(cmd.Context(), f); err != nil {
				f.Close()
				return fmt.Errorf("copying: %w", err)
			}
			if err := f.Sync(); err != nil {
				f.Close()
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			if err := os.Rename(part, args[0]); err != nil {
				return err
			}
			c.note("wrote %s; 'tutti restore %s' puts it back", args[0], args[0])
			return nil
		},
	}
}

func (c *command) cmdRestore() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup into a data directory that holds none; then 'tutti up' adopts what runs",
		Args:  exactly(1, "a file that 'tutti backup' wrote"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			if err := app.Restore(cmd.Context(), f, data); err != nil {
				return err
			}
			c.note("restored to %s; start the server with 'tutti up --data %s'", data, data)
			return nil
		},
	}
	cmd.Flags().StringVar(&data, "data", app.DefaultData(c.Env), "data `directory`")
	return cmd
}
