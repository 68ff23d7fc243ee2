package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/server"
)

// reloader reads the settings of a running server again.
type reloader struct {
	server *server.Server
	source config.Sources
	level  *slog.LevelVar
	log    *slog.Logger
	start  *config.Server // what the process began with
	now    *config.Server // what is in force of what can change
}

// follow reloads at each SIGHUP, until the function that it returns is called.
func (re *reloader) follow(ctx context.Context) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	done := make(chan struct{})
	var following sync.WaitGroup
	following.Go(func() {
		for {
			select {
			case <-hangup:
				re.reload(ctx)
			case <-done:
				return
			}
		}
	})
	return func() {
		signal.Stop(hangup)
		close(done)
		following.Wait()
	}
}

// reload takes over what the sources say now, all of it or nothing.
func (re *reloader) reload(ctx context.Context) {
	next, err := config.Load(re.source)
	if err == nil {
		err = re.server.Reload(server.Live{
			TLS: server.KeyFiles(next.TLS), AdminTLS: server.KeyFiles(next.AdminTLS),
			BehindProxy: next.BehindProxy, DrainTimeout: next.DrainTimeout, RequestsPerMinute: next.RequestsPerMinute,
			DocsURL: next.DocsURL,
		})
	}
	if err != nil {
		re.log.LogAttrs(ctx, slog.LevelError, "the settings are not valid and the old ones stay", slog.String("error", err.Error()))
		return
	}
	live, restart := re.now.Changes(re.start, next)
	re.now = next
	re.level.Set(min(re.level.Level(), next.Log.Level)) // so that a change of the level is logged
	defer re.level.Set(next.Log.Level)
	re.log.LogAttrs(ctx, slog.LevelInfo, "settings and certificates are read again", slog.String("changed", strings.Join(live, " ")))
	if len(restart) > 0 {
		re.log.LogAttrs(ctx, slog.LevelWarn, "settings have changed that need a restart", slog.String("settings", strings.Join(restart, " ")))
	}
}
