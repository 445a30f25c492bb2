// Package app puts a server together: it reads the configuration, opens every adapter, gives each room what it needs, and
// runs them until it is told to stop or one of them fails. It is the only room that knows every adapter, and it holds no
// rule about runs or jobs.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/activity"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/blob"
	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/dispatch"
	"github.com/tutti-ml/tutti/internal/engine"
	"github.com/tutti-ml/tutti/internal/engine/local"
	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server"
	"github.com/tutti-ml/tutti/internal/server/api"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/store/sqlite"
)

// Options are what an App gets besides its configuration.
type Options struct {
	Log     io.Writer // where the log goes
	Version string
}

// App is one server.
type App struct {
	conf    Config
	live    atomic.Pointer[Live]
	keys    atomic.Pointer[map[string]aws.Credential] // that AWS clients sign with
	log     *slog.Logger
	level   slog.LevelVar
	store   *sqlite.Store
	blobs   *blob.FS
	writer  *store.Writer
	local   *local.Engine
	engine  engine.Engine
	catalog *catalog.Catalog
	aws     *awssdk.Client
	// activities are where tasks wait for workers.
	activities *activity.Pool
	dispatch   *dispatch.Dispatcher
	kernel     *kernel.Kernel
	express    express
	auth       *auth.Authenticator
	feed       *api.Feed
	server     *server.Server
	metrics    *metrics
	disk       reserve
	watchdog   *watchdog
	pruning    sync.Mutex // held while values are removed or copied
	ready      atomic.Bool
	closers    []func() error // in the order of opening
}

// Open opens everything and listens; nothing runs yet. What it refuses it says how to mend.
func Open(ctx context.Context, conf Config, o Options) (_ *App, err error) {
	if err := conf.Check(); err != nil {
		return nil, err
	}
	if err := keepDescriptors(); err != nil {
		return nil, fmt.Errorf("finding the open files: %w", err)
	}
	a := &App{conf: conf, feed: api.NewFeed(), watchdog: newWatchdog()}
	a.live.Store(&conf.Live)
	level, err := conf.Log.level()
	if err != nil {
		return nil, err
	}
	if err := a.setCredentials(conf.AWS); err != nil {
		return nil, err
	}
	a.level.Set(level)
	a.log = conf.Log.logger(o.Log, &a.level)
	defer func() {
		if err == nil {
			return
		}
		if a.local != nil {
			err = errors.Join(err, a.leaveRunner())
		}
		err = errors.Join(err, a.close())
	}()
	if err := a.openStore(ctx); err != nil {
		return nil, err
	}
	if err := a.openEngine(ctx); err != nil {
		return nil, err
	}
	if err := a.wire(ctx); err != nil {
		return nil, err
	}
	if err := a.dispatch.Load(ctx, time.Now()); err != nil {
		return nil, fmt.Errorf("taking up the jobs: %w", err)
	}
	return a, a.listen(o.Version)
}

func (a *App) openStore(ctx context.Context) error {
	if err := makeDirs(a.conf.Data); err != nil {
		return err
	}
	var err error
	if a.blobs, err = blob.Open(blobDir(a.conf.Data)); err != nil {
		return err
	}
	a.store, err = sqlite.Open(ctx, storeDir(a.conf.Data), sqlite.Options{Blobs: a.blobs})
	if err != nil {
		return fmt.Errorf("opening the data in %s: %w", a.conf.Data, err)
	}
	a.closers = append(a.closers, a.store.Close)
	if a.writer, err = store.NewWriter(ctx, a.store); err != nil {
		return err
	}
	a.writer.Blobs = a.blobs
	a.metrics = newMetrics(a)
	a.writer.Observe = a.metrics.committed
	return nil
}

// wire makes the rooms that work on the store. All listen to the writer, so it comes before the first commit.
func (a *App) wire(ctx context.Context) error {
	a.catalog = catalog.New(a.store, a.writer, time.Now)
	a.activities = activity.New()
	a.catalog.Site = catalog.Site{Region: a.conf.AWS.Region, Account: a.conf.AWS.Account}
	a.aws = a.awsClient()
	a.dispatch = dispatch.New(dispatch.Options{
		Store: a.store, Writer: a.writer, Engine: a.engine, Log: a.log.With("room", "dispatch"), Now: time.Now,
		Queue:        a.catalog.Queue,
		CheckProcess: a.checkProcess,
		DefaultCPU:   int64(math.Round(a.conf.Node.DefaultCPU * 1000)),
	})
	limits := a.conf.aslLimits()
	a.kernel = kernel.New(kernel.Options{
		Store: a.store, Writer: a.writer, Load: a.store.Load, Languages: a.languages(limits), Integrations: a.integrations(),
		Log: a.log.With("room", "kernel"), MaxResident: a.conf.Limits.Resident,
	})
	a.writer.Listen(a.feed.Committed)
	a.auth = auth.New(os.Getuid(), a.conf.Tokens, a.log)
	limits.Events = expressEvents
	return a.openExpress(ctx, a.languages(limits))
}

func (a *App) languages(limits asl.Limits) (all []run.Language) {
	for _, l := range languages(a.catalog, a.aws, limits) {
		all = append(all, l.Language)
	}
	return all
}

func (a *App) listen(version string) error {
	var certificate *tls.Config
	if a.conf.TLS.Cert != "" {
		pair, err := tls.LoadX509KeyPair(a.conf.TLS.Cert, a.conf.TLS.Key)
		if err != nil {
			return fmt.Errorf("tls: %w; name a certificate and its key in PEM form", err)
		}
		certificate = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	var err error
	a.server, err = server.Listen(server.Options{
		Listen: a.conf.Listen, TLS: certificate, Socket: Socket(a.conf.Data), Hosts: a.conf.Hosts, Auth: a.auth,
		Register: func(mux *http.ServeMux) { api.Register(mux, a.apiOptions(version)) },
		AWS:      a.awsHandler(),
		Metrics:  a.metrics.registry, Healthy: a.healthy, Log: a.log.With("room", "server"),
	})
	return err
}

func (a *App) apiOptions(version string) api.Options {
	return api.Options{
		Store: a.store, Kernel: a.kernel, Dispatch: a.dispatch, Catalog: a.catalog, Feed: a.feed, Log: a.log.With("room", "api"),
		Languages: languages(a.catalog, a.aws, a.conf.aslLimits()),
		Logs:      a.engine.Logs,
		Doctor:    func(ctx context.Context) []client.Check { return Doctor(ctx, a.conf) },
		Backup:    a.backup,
		Version:   Version(version),
		Refuse:    a.disk.refuse,
		MaxBody:   int64(a.conf.Limits.Body),
	}
}

// URL is where the API is.
func (a *App) URL() string {
	scheme := "http"
	if a.conf.TLS.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + a.server.Addr().String()
}

// Log is the server's log.
func (a *App) Log() *slog.Logger { return a.log }

// healthy says why the server is not ready; empty: it is.
func (a *App) healthy() string {
	if !a.ready.Load() {
		return "starting or stopping"
	}
	return a.watchdog.stalled()
}

// Run runs the server until ctx is done, then drains: it takes no more requests, lets effects under way come to their
// end for a while, commits what is left, and leaves the runner alive if it has jobs. Where a room fails, the others are
// stopped and its error is returned.
func (a *App) Run(ctx context.Context) error {
	TuneMemory()
	a.lookAtDisk(ctx) // before anything is taken up
	failed := make(chan error, 10)
	commits := start(ctx, failed, "the store's writer", a.writer.Run)
	unkept := start(ctx, failed, "the writer of Express executions", a.express.writer.Run)
	rooms := []*loop{
		start(ctx, failed, "the ends of Express executions", a.express.ends.Run),
		start(ctx, failed, "the kernel of Express executions", a.express.kernel.Run),
		start(ctx, failed, "the kernel", a.kernel.Run),
		start(ctx, failed, "dispatch", a.dispatch.Run),
		start(ctx, failed, "the disk's watch", a.watchDisk),
		start(ctx, failed, "pruning", a.prune),
		start(ctx, failed, "the watchdog", a.watch),
	}
	serving := start(ctx, failed, "the server", func(context.Context) error { return a.server.Serve() })
	a.ready.Store(true)
	a.log.Info("ready", "url", a.URL(), "data", a.conf.Data, "epoch", a.store.Epoch())

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		a.log.Error("stopping, for what is in memory can no longer be trusted", "error", err)
	}
	a.ready.Store(false)
	a.feed.Close()
	a.activities.Close()
	patience := drain
	if err != nil {
		patience = 0 // what waits for a room that failed waits in vain
	}
	a.shutdown(patience)
	serving.stop()
	for _, l := range rooms {
		l.stop()
	}
	unkept.stop()
	commits.stop()
	for len(failed) > 0 {
		err = errors.Join(err, <-failed)
	}
	if err == nil {
		err = a.leaveRunner()
	}
	if e := a.close(); e != nil {
		err = errors.Join(err, e)
	}
	return err
}

// leaveRunner leaves the runner to the jobs that run; one that has none is ended with the server.
func (a *App) leaveRunner() error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	left, err := a.local.List(ctx)
	if err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	if len(left) > 0 {
		a.log.Info("stopped; jobs go on without the server", "processes", len(left))
		return nil
	}
	if err := a.local.Shutdown(ctx); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	a.log.Info("stopped; no job was running")
	return nil
}

// drain is how long requests under way may take to come to their end.
const drain = 10 * time.Second

func (a *App) shutdown(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a.server.Shutdown(ctx)
}

// close closes what was opened, the latest first.
func (a *App) close() (err error) {
	for i := len(a.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, a.closers[i]())
	}
	a.closers = nil
	return err
}

// loop is something that runs until it is stopped.
type loop struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// start runs f in a goroutine; it is stopped by stop alone, so that what ends first is Run's to say. Its error goes to
// failed.
func start(ctx context.Context, failed chan<- error, name string, f func(context.Context) error) *loop {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &loop{cancel, make(chan struct{})}
	go func() {
		defer close(l.done)
		if err := f(ctx); err != nil && !(errors.Is(err, context.Canceled) && ctx.Err() != nil) {
			failed <- fmt.Errorf("%s: %w", name, err)
		}
	}()
	return l
}

// stop stops the loop and waits for its end.
func (l *loop) stop() {
	l.cancel()
	<-l.done
}

// Reload puts what can change while the server runs into force. Where anything is wrong, nothing changes.
func (a *App) Reload(conf Config) error {
	if err := conf.Check(); err != nil {
		return err
	}
	level, err := conf.Log.level()
	if err != nil {
		return err
	}
	if err := a.setCredentials(conf.AWS); err != nil {
		return err
	}
	for name, differs := range map[string]bool{
		"listen": conf.Listen != a.conf.Listen, "data": filepath.Clean(conf.Data) != filepath.Clean(a.conf.Data),
		"tls": conf.TLS != a.conf.TLS, "allowRoot": conf.AllowRoot != a.conf.AllowRoot,
		"limits": conf.Limits != a.conf.Limits, "aws": !reflect.DeepEqual(conf.AWS.settled(), a.conf.AWS.settled()),
	} {
		if differs {
			a.log.Warn("a change takes effect when the server is started again", "key", name)
		}
	}
	a.level.Set(level)
	a.live.Store(&conf.Live)
	a.auth.SetTokens(conf.Tokens)
	return nil
}

// TokenDigest is what the configuration keeps of a token.
func TokenDigest(text string) string { return auth.Digest(text) }
