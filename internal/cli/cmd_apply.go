package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/client"
)

func (c *command) cmdApply() *cobra.Command {
	var paths []string
	var namespace string
	cmd := &cobra.Command{
		Use:   "apply -f FILE|DIR|-",
		Short: "Store what files describe, and submit the jobs among it",
		Long: "Store what files describe, and submit the jobs among it: Kubernetes manifests, state machine files, and the\n" +
			"shapes of 'aws batch … --cli-input-json'. Either everything is applied, or nothing.",
		Args: exactly(0, "files after -f"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(paths) == 0 {
				return usage("say what to apply with -f FILE, -f DIR or -f -")
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			var files []client.File
			for _, p := range paths {
				more, err := c.readFiles(p)
				if err != nil {
					return err
				}
				files = append(files, more...)
			}
			applied, err := cl.Apply(cmd.Context(), namespace, files)
			if err != nil {
				return err
			}
			return c.print(applied, func() *table {
				t := &table{}
				for _, a := range applied {
					what := a.Kind + "/" + a.Name
					if a.Job != 0 {
						what += " (" + jobID(a.Job) + ")"
					}
					t.add(what + " " + a.Action)
				}
				return t
			})
		},
	}
	cmd.Flags().StringArrayVarP(&paths, "filename", "f", nil, "`file` or directory; - is standard input")
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "of documents that name none")
	return cmd
}

// suffixes are of files that apply takes from a directory.
var suffixes = []string{".json", ".yaml", ".yml", ".asl"}

// readFiles reads a file, all manifests of a directory, or standard input.
func (c *command) readFiles(path string) ([]client.File, error) {
	if path == "-" {
		text, err := io.ReadAll(c.Stdin)
		return []client.File{{Name: "stdin", Text: string(text)}}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, remedy("Name a file, a directory, or - for standard input.", err)
	}
	if !info.IsDir() {
		text, err := os.ReadFile(path)
		return []client.File{{Name: filepath.Base(path), Text: string(text)}}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []client.File
	for _, e := range entries {
		if e.IsDir() || !slices.Contains(suffixes, strings.ToLower(filepath.Ext(e.Name()))) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, client.File{Name: e.Name(), Text: string(text)})
	}
	if len(files) == 0 {
		return nil, remedy("Files end in "+strings.Join(suffixes, ", ")+".", fmt.Errorf("there is nothing to apply in %s", path))
	}
	return files, nil
}
