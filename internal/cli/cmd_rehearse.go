package cli

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/internal/rehearsal"
)

// cmdTest is the command test. (A file cmd_test.go would be a test.)
func (c *command) cmdTest() *cobra.Command {
	var only, junit string
	cmd := &cobra.Command{
		Use:   "test FILE…",
		Short: "Run state machines against files of mocked results, without waiting for anything",
		Long: "Run the test cases of mock configuration files, those of AWS Step Functions Local with expectations added.\n" +
			"Nothing outside is called, and no server is needed. The exit status is 1 where a case fails. See docs/testing.md.",
		Args: between(1, math.MaxInt, "files"),
		RunE: func(cmd *cobra.Command, args []string) error {
			pattern, err := regexp.Compile(only)
			if err != nil {
				return usage("--run: %v", err)
			}
			suites := make([]testSuite, len(args))
			for i, path := range args {
				if suites[i], err = c.rehearse(cmd, path, pattern); err != nil {
					return err
				}
			}
			if junit != "" {
				if err := writeJUnit(junit, suites); err != nil {
					return err
				}
			}
			return c.printTests(suites)
		},
	}
	cmd.Flags().StringVar(&only, "run", "", "run only the cases whose MACHINE/CASE matches this regular `expression`")
	cmd.Flags().StringVar(&junit, "junit", "", "write the results to this `file` too, as JUnit's XML")
	return cmd
}

// testSuite is a file with the results of its cases.
type testSuite struct {
	File    string       `json:"file"`
	Results []testResult `json:"results"`
}

type testResult struct {
	Machine string   `json:"machine"`
	Case    string   `json:"case"`
	Passed  bool     `json:"passed"`
	Faults  []string `json:"faults,omitempty"`
}

// rehearse runs the cases of one file that the pattern selects.
func (c *command) rehearse(cmd *cobra.Command, path string, only *regexp.Regexp) (testSuite, error) {
	made := testSuite{File: path, Results: []testResult{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return made, err
	}
	suite, err := rehearsal.Read(text)
	if err != nil {
		return made, faulty(path, err)
	}
	for _, m := range suite.Machines {
		source := filepath.Join(filepath.Dir(path), filepath.FromSlash(m.Path()))
		definition, err := os.ReadFile(source)
		if errors.Is(err, os.ErrNotExist) {
			return made, remedy(fmt.Sprintf("Say where it is: \"Definition\": \"PATH\" in StateMachines/%s of %s.", m.Name, path), err)
		}
		if err != nil {
			return made, err
		}
		selected := func(k rehearsal.Case) bool { return only.MatchString(m.Name + "/" + k.Name) }
		results, err := suite.Run(cmd.Context(), m, definition, selected)
		if err != nil {
			return made, faulty(source, err)
		}
		for _, r := range results {
			made.Results = append(made.Results, testResult{r.Machine, r.Case, len(r.Faults) == 0, r.Faults})
		}
	}
	return made, nil
}

// faulty is what is wrong with a file, under its name.
func faulty(path string, err error) error { return fmt.Errorf("%s: %w", path, err) }

// printTests prints the results, and fails where a case did or none was there.
func (c *command) printTests(suites []testSuite) error {
	ran, failed := 0, 0
	for _, s := range suites {
		for _, r := range s.Results {
			ran++
			word := "ok  "
			if !r.Passed {
				failed++
				word = "FAIL"
			}
			if c.output != "table" {
				continue
			}
			fmt.Fprintf(c.Stdout, "%s  %s/%s\n", word, r.Machine, r.Case)
			for _, f := range r.Faults {
				fmt.Fprintf(c.Stdout, "      %s\n", f)
			}
		}
	}
	if c.output != "table" {
		if err := c.print(suites, nil); err != nil {
			return err
		}
	}
	if ran == 0 {
		return usage("no test case matches --run")
	}
	c.note("%d of %d test cases passed", ran-failed, ran)
	if failed > 0 {
		return &status{code: exitFailed}
	}
	return nil
}
