package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/config"
	"github.com/mintage-auth/mintage/internal/server"
)

// broken are settings that are wrong, each in another way; %d makes fifty.
var broken = []string{
	"listen: nowhere\n",
	"listen: 127.0.0.1:%d00000\n",
	"lisssten: 127.0.0.1:94%02d\n",
	"listen: [127.0.0.1:1%d\n",
	"log: { level: level-%d }\n",
	"drain_timeout: %d parsecs\n",
	"behind_proxy: [10.0.0.%d/8]\n",
	"tls: { cert: only-%d.pem }\n",
	"tls: { cert: none-%d.pem, key: none.pem }\nlisten: 127.0.0.1:1\n",
	"admin_listen: 0.0.0.0:1%d\n",
}

// TestReloadRefusesBrokenFiles holds that none of fifty broken files changes
// anything or stops the server (R18).
func TestReloadRefusesBrokenFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "server.yaml")
	const right = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n"
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(right)
	settings, err := config.Load(config.Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := makeCertificate(certificate, key); err != nil {
		t.Fatal(err)
	}
	pair, err := server.LoadKeyPair(server.KeyFiles{Cert: certificate, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	level := new(slog.LevelVar)
	re := &reloader{source: config.Sources{File: file}, level: level, log: slog.New(slog.NewJSONHandler(&log, nil)), start: settings, now: settings}
	re.server, err = server.Open(t.Context(), server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: filepath.Join(dir, "data"), TLS: pair, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done, ready := make(chan error, 1), make(chan struct{})
	go func() { done <- re.server.Run(ctx, func() { close(ready) }) }()
	<-ready
	const files = 50
	for i := range files {
		text := broken[i%len(broken)]
		if strings.Contains(text, "%") {
			text = fmt.Sprintf(text, i+1)
		}
		write(text)
		log.Reset()
		re.reload(ctx)
		if !strings.Contains(log.String(), "the old ones stay") || re.now != settings || level.Level() != slog.LevelInfo {
			t.Errorf("%q was taken over: %s", text, log.String())
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+re.server.AdminAddr().String()+"/readyz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("after %q: %s", text, res.Status)
		}
	}
	write(right)
	log.Reset()
	if re.reload(ctx); !strings.Contains(log.String(), "read again") {
		t.Errorf("a right file after the broken ones: %s", log.String())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
