package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tutti-ml/tutti/internal/integration"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws/sfn"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/memory"
)

// express is where Express executions run: the kernel once more, over a store in memory. What their tasks leave behind,
// jobs and executions, belongs to the kernel that lasts.
type express struct {
	store  *memory.Store
	writer *store.Writer
	kernel *kernel.Kernel
	ends   *background // of executions
	logs   *groupLogs
}

// expressEvents is how many events the history of an Express execution may have. AWS bounds the time alone, but the
// history of a loop that never ends would fill the memory in less.
const expressEvents = 1_000_000

func (a *App) openExpress(ctx context.Context, known []run.Language) error {
	e := express{store: memory.New(memory.Options{Secret: a.store.Secret()}), ends: newBackground(), logs: &groupLogs{app: a}}
	var err error
	if e.writer, err = store.NewWriter(ctx, e.store); err != nil {
		return err
	}
	e.kernel = kernel.New(kernel.Options{
		Store: e.store, Writer: e.writer, Languages: known, Log: a.log.With("room", "express"),
		Integrations: integration.Lasting(a.integrations(), a.kernel),
	})
	a.express = e
	return nil
}

func (e *express) door() sfn.Express {
	return sfn.Express{Kernel: e.kernel, Go: e.ends.Go, Forget: e.store.Forget, Log: e.logs.append}
}

// maxGroupLog is how large the file of a log group grows before it begins anew. The one before is kept.
const maxGroupLog = 64 << 20

// groupLogs are the logs of log groups: a file for each, DATA/loggroups/NAME.jsonl, the slashes of its name made dots.
type groupLogs struct {
	app *App
	mu  sync.Mutex // guards the files
}

// append keeps lines. What cannot be kept is told in the server's log.
func (l *groupLogs) append(group string, lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.write(group, lines); err != nil {
		l.app.log.Error("events of an Express execution are not logged", "group", group, "error", err)
	}
}

func (l *groupLogs) write(group string, lines []byte) error {
	dir := filepath.Join(l.app.conf.Data, "loggroups")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := strings.Trim(strings.ReplaceAll(group, "/", "."), ".")
	if name == "" {
		return fmt.Errorf("%q is no name of a log group", group)
	}
	path := filepath.Join(dir, name+".jsonl")
	if info, err := os.Stat(path); err == nil && info.Size()+int64(len(lines)) > maxGroupLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(lines); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
