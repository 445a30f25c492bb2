package fake

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// script is what a process does.
//
// Its command says it: true, false, exit N, sleep DURATION, signal N, echo WORDS. Any other command does nothing and
// ends well. The environment says it too, and wins:
//
//	RUN_FOR        5s, or forever
//	EXIT_CODE      3
//	EXIT_SIGNAL    9
//	EXIT_REASON    OutOfMemory, Lost, … (job.Reason); NotStarted: it does not start, EXIT_TEXT says why
//	FAIL_ATTEMPTS  2: the attempts up to this one exit with 1, those after it as scripted
//	OUTPUT         lines on its standard output
//	IGNORE_TERM    set: only SIGKILL ends it early
//	FILE           name=text: a file that it leaves in its scratch directory
type script struct {
	runFor     time.Duration
	forever    bool
	exit       job.Exit
	noStart    string
	output     []string
	ignoreTerm bool
	files      map[string]string

	failAttempts int32
}

// parse reads a script. What it cannot read is a process that does not start, as it would be on a machine.
func parse(p job.Process, attempt int32) script {
	s := script{exit: job.Exit{Reason: job.ReasonExit}}
	s.command(p.Command)
	for _, v := range p.Env {
		s.variable(v.Name, v.Value)
	}
	if attempt <= s.failAttempts {
		s.exit = job.Exit{Reason: job.ReasonExit, Code: 1}
	}
	if s.exit.Reason == job.ReasonNoStart && s.noStart == "" {
		s.noStart = "scripted not to start"
	}
	return s
}

func (s *script) command(args []string) {
	if len(args) == 0 {
		s.noStart = "no command"
		return
	}
	arg := strings.Join(args[1:], " ")
	switch path.Base(args[0]) {
	case "false":
		s.exit.Code = 1
	case "exit":
		s.exit.Code = s.number(arg)
	case "signal":
		s.signal(arg)
	case "sleep":
		s.duration(arg)
	case "echo":
		s.output = []string{arg}
	}
}

func (s *script) variable(name, text string) {
	switch name {
	case "RUN_FOR":
		s.duration(text)
	case "EXIT_CODE":
		s.exit.Code = s.number(text)
	case "EXIT_SIGNAL":
		s.signal(text)
	case "EXIT_REASON":
		s.exit.Reason = job.Reason(text)
		if s.exit.Reason == job.ReasonMemory {
			s.exit.Signal, s.exit.Code = 9, 128+9
		}
	case "EXIT_TEXT":
		s.exit.Text = text
	case "FAIL_ATTEMPTS":
		s.failAttempts = s.number(text)
	case "OUTPUT":
		s.output = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	case "IGNORE_TERM":
		s.ignoreTerm = true
	case "FILE":
		file, content, _ := strings.Cut(text, "=")
		s.files = map[string]string{path.Clean(file): content}
	}
}

func (s *script) signal(text string) {
	s.exit.Reason, s.exit.Signal = job.ReasonSignal, s.number(text)
	s.exit.Code = 128 + s.exit.Signal
}

func (s *script) duration(text string) {
	if slices.Contains([]string{"forever", "infinity"}, text) {
		s.forever = true
		return
	}
	if n, err := strconv.Atoi(text); err == nil {
		s.runFor = time.Duration(n) * time.Second
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		s.noStart = "script: " + err.Error()
	}
	s.runFor = d
}

func (s *script) number(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		s.noStart = "script: " + err.Error()
	}
	return int32(n)
}
