package runner

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// sessions are the cells of a machine that gives us neither cgroups nor namespaces, such as an unprivileged container.
// A process belongs to a tree if it is in its session, descends from its first process, or carries its mark in the
// environment that it was started with. That finds every daemon that does not hide on purpose: it is no proof, and the
// facts say so.
type sessions struct {
	prefix string // of the marks of all runners of the directory
	born   int64  // tells our marks from those of earlier ones
	log    *slog.Logger

	mu   sync.Mutex
	last int
}

const markVariable = "TUTTI_CELL="

func markPrefix(dir string) string {
	return markVariable + strconv.FormatUint(uint64(hashPath(dir)), 16) + "."
}

func openSessions(dir string, log *slog.Logger) *sessions {
	return &sessions{prefix: markPrefix(dir), born: time.Now().UnixNano(), log: log}
}

// sweepSessions ends what carries a mark of an earlier runner.
func sweepSessions(dir string) {
	for {
		pids := marked([]byte(markPrefix(dir)))
		if len(pids) == 0 {
			return
		}
		killAll(pids)
		time.Sleep(clearPause)
	}
}

func killAll(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// marked finds the living processes of which a variable begins with mark.
func marked(mark []byte) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !bytes.HasPrefix(env, mark) && !bytes.Contains(env, append([]byte{0}, mark...)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil && bornAt(pid) != "" {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (s *sessions) get(limits) (cell, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	return &session{all: s, mark: fmt.Sprintf("%s%d.%d.", s.prefix, s.born, s.last)}, nil
}

func (s *sessions) close() {}

// session is one cell.
type session struct {
	all  *sessions
	mark string
	pid  int // of the first process, which is also the number of its session
}

func (s *session) needsInit() bool { return false }

func (s *session) start(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	attr.Env = append(slices.Clip(attr.Env), s.mark)
	s.pid, err = syscall.ForkExec(path, argv, attr)
	return s.pid, err
}

func (s *session) ending(e ending) ending { return e }

// kill leaves it to clear to find those that are forked meanwhile.
func (s *session) kill() error {
	killAll(s.pids())
	return nil
}

// empty leaves it to clear, which takes its time.
func (s *session) empty() bool { return false }

// clear kills until nothing is found twice in a row.
func (s *session) clear() error {
	for quiet := 0; quiet < 2; {
		pids := s.pids()
		if len(pids) == 0 {
			quiet++
			continue
		}
		quiet = 0
		killAll(pids)
		time.Sleep(clearPause)
	}
	return nil
}

func (s *session) pids() []int {
	if s.pid == 0 {
		return nil
	}
	pids := marked([]byte(s.mark))
	parents := map[int]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			continue
		}
		stat, err := readStat(pid) // state, ppid, pgrp, session
		if err != nil || stat[0] == "Z" || stat[0] == "X" {
			continue
		}
		parents[pid], _ = strconv.Atoi(stat[1])
		if stat[3] == strconv.Itoa(s.pid) {
			pids = append(pids, pid)
		}
	}
	for pid := range parents {
		for up, steps := pid, 0; up > 1 && steps < len(parents); up, steps = parents[up], steps+1 {
			if up == s.pid {
				pids = append(pids, pid)
				break
			}
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

func (s *session) outOfMemory() bool { return false }

func (s *session) release() {}
