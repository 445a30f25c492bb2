package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tutti-ml/tutti/internal/app"
)

func (c *command) cmdUp() *cobra.Command {
	var file, listen, data, level string
	var insecure, allowRoot, awsLimits bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run the server, until it is told to stop",
		Long: "Run the server, until it is told to stop: SIGTERM or Ctrl-C ends it and leaves jobs running for the next one;\n" +
			"SIGHUP reads the configuration again.",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			load := func() (app.Config, error) {
				conf, err := app.LoadConfig(file, c.Env)
				f := cmd.Flags()
				if f.Changed("listen") {
					conf.Listen = listen
				}
				if f.Changed("data") {
					conf.Data = data
				}
				if f.Changed("log-level") {
					conf.Log.Level = level
				}
				conf.InsecureListen = conf.InsecureListen || insecure
				conf.AllowRoot = conf.AllowRoot || allowRoot
				conf.AWS.Limits = conf.AWS.Limits || awsLimits
				return conf, errors.Join(err, absolute(&conf))
			}
			return c.up(cmd.Context(), load)
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:7070", "`address` for the API")
	f.StringVar(&data, "data", app.DefaultData(c.Env), "data `directory`")
	f.StringVar(&file, "config", "", "configuration `file` (default "+app.DefaultConfigPath(c.Env)+", where there is one)")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	f.BoolVar(&insecure, "insecure-listen-without-tls", false, "listen beyond loopback although tokens cross the network in the clear")
	f.BoolVar(&allowRoot, "allow-root", false, "run root's jobs as root where the server is root")
	f.BoolVar(&awsLimits, "aws-limits", false, "put the quotas of AWS Step Functions in force: sizes, history events, concurrency")
	return cmd
}

func absolute(conf *app.Config) (err error) {
	if conf.Data != "" {
		conf.Data, err = filepath.Abs(conf.Data)
	}
	return err
}

// up runs a server to its end.
func (c *command) up(ctx context.Context, load func() (app.Config, error)) error {
	conf, err := load()
	if err != nil {
		return &status{exitUsage, err}
	}
	a, err := app.Open(ctx, conf, app.Options{Log: c.Stderr, Version: c.Version})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	// Whoever started the server on port 0 reads here which one it got.
	fmt.Fprintln(c.Stdout, a.URL())
	for {
		select {
		case err := <-done:
			return err
		case s := <-c.Signals:
			if s == syscall.SIGHUP {
				c.reload(a, load)
				continue
			}
			if ctx.Err() != nil {
				return &status{exitInterrupted, errors.New("interrupted while shutting down; what was promised is on the disk")}
			}
			a.Log().Info("shutting down; jobs go on without the server", "signal", s.String())
			stop()
		}
	}
}

// reload puts what can change while the server runs into force; a file with faults leaves all as it was.
func (c *command) reload(a *app.App, load func() (app.Config, error)) {
	conf, err := load()
	if err == nil {
		err = a.Reload(conf)
	}
	if err != nil {
		a.Log().Error("the new configuration is not in force, the old one stays", slog.Any("error", err))
		return
	}
	a.Log().Info("the configuration was read again")
}
