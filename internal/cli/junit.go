package cli

import (
	"encoding/xml"
	"os"
	"strings"
)

// The elements of a JUnit report, as CI systems read it. There is no schema by its makers; these are the members that
// all of them know.
type (
	junitReport struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes the results of test cases to a file.
func writeJUnit(path string, suites []testSuite) error {
	var report junitReport
	for _, s := range suites {
		suite := junitSuite{Name: s.File, Tests: len(s.Results)}
		for _, r := range s.Results {
			k := junitCase{Class: r.Machine, Name: r.Case}
			if !r.Passed {
				suite.Failures++
				k.Failure = &junitFailure{r.Faults[0], strings.Join(r.Faults, "\n")}
			}
			suite.Cases = append(suite.Cases, k)
		}
		report.Tests += suite.Tests
		report.Failures += suite.Failures
		report.Suites = append(report.Suites, suite)
	}
	text, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte(xml.Header), append(text, '\n')...), 0o644)
}
