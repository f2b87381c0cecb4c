package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
)

func runCommand() *cobra.Command {
	var path string
	var allowRoot bool
	c := &cobra.Command{
		Use:   "run [FILE]",
		Short: "Run the gateway",
		Long: `Run the gateway in the foreground until it is told to stop.

Signals:
  HUP        read the configuration again; with a mistake in it the running one stays
  USR1       reopen the log files
  QUIT       stop accepting, let all requests end, leave
  TERM, INT  the same within drain_timeout; a second one leaves at once

Exit status: 0 after a stop that was asked for, 1 when it could not start or run,
2 when the configuration is wrong.`,
		Example: `  fcgigw run fcgigw.toml`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := pathArg(c, "config", &path, args); err != nil {
				return err
			}
			cfg, err := loadConfig(path, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return serve(c.Context(), cfg, path, allowRoot, nil)
		},
	}
	configFlag(c, &path)
	c.Flags().BoolVar(&allowRoot, "allow-root", false, "let worker processes run as root")
	return c
}

// serve runs cfg until a signal ends it. ready, if not nil, is called when
// requests are accepted.
func serve(ctx context.Context, cfg *config.Config, path string, allowRoot bool, ready func()) error {
	if !allowRoot {
		if err := refuseRoot(cfg); err != nil {
			return err
		}
	}
	stopProfile, err := profile()
	if err != nil {
		return err
	}
	defer stopProfile()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	a, err := startApp(ctx, cfg, allowRoot)
	if err != nil {
		return err
	}
	if ready != nil {
		ready()
	}
	return a.loop(ctx, path, signals)
}

// loop acts on signals until one of them ends the gateway.
func (a *app) loop(ctx context.Context, path string, signals <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return a.stop(a.cfg.Gateway.DrainTimeout, signals)
		case s := <-signals:
			switch s {
			case syscall.SIGHUP:
				if path == "" { // no file to reload: the terminal was closed
					return a.stop(a.cfg.Gateway.DrainTimeout, signals)
				}
				a.reload(ctx, path)
			case syscall.SIGUSR1:
				if err := a.logs.Reopen(); err != nil {
					a.log.Error("cannot reopen a log", zap.Error(err))
				}
			case syscall.SIGQUIT:
				return a.stop(0, signals)
			default:
				return a.stop(a.cfg.Gateway.DrainTimeout, signals)
			}
		}
	}
}

// cut is why the rest of a drain was not waited for.
type cut struct {
	why         string
	connections int // open when it was decided
}

func (c *cut) Error() string { return c.why }

// stop drains within limit (0: as long as it takes); another TERM or INT cuts
// it short.
func (a *app) stop(limit config.Duration, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	a.log.Info("draining", zap.Int("connections", a.connections()))
	a.notify.stopping(a.connections(), time.Duration(limit))
	go func() { // ends with ctx
		if why := impatience(ctx, time.Duration(limit), signals); why != "" {
			cancel(&cut{why, a.connections()})
		}
	}()
	_ = a.drain(ctx) // a cut was logged; the stop was asked for, so it is no failure
	return nil
}

// impatience waits for a reason to cut the drain short and returns it, or ""
// when ctx ends first.
func impatience(ctx context.Context, limit time.Duration, signals <-chan os.Signal) string {
	var deadline <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		deadline = timer.C
	}
	for {
		select {
		case <-ctx.Done():
			return ""
		case <-deadline:
			return "drain deadline passed; requests in flight were cut"
		case s := <-signals:
			if s == syscall.SIGTERM || s == syscall.SIGINT {
				return "told to leave at once; requests in flight were cut"
			}
		}
	}
}

func lowered(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}
