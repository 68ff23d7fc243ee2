package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/mintage-auth/mintage/bench/turns"
)

// Names in the report of P10: who answers the question of a front.
const (
	nameForward      = "mintage gateway --forward-auth"
	nameForwardQuiet = "mintage gateway --forward-auth, no access log"
	nameEndpoint     = "a cached Go endpoint"
	nameFixed        = "a fixed answer"
)

// Goals of P10.
const (
	atMostEndpoint = 0.8
	atMostFixed    = 1.3
)

// question is what nginx asks, headers and all.
const question = "X-Original-Method: GET\r\nX-Original-Uri: " + readyPath + "\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example\r\n" +
	"X-Forwarded-For: 203.0.113.7\r\n"

// startForward starts the answerers of questions. All get the same request.
func (b *bench) startForward(ctx context.Context, self, backend, token string) error {
	for _, c := range []struct{ name, kind, log string }{
		{nameForward, "", "all"}, {nameForwardQuiet, "", "off"}, {nameEndpoint, "auth", ""}, {nameFixed, "fixed", ""},
	} {
		addr, err := turns.FreeAddress(ctx)
		if err != nil {
			return err
		}
		command := []string{self, c.kind, addr, backend}
		if c.kind == "" {
			file := filepath.Join(b.dir, "forward-"+c.log+".yaml")
			if err := os.WriteFile(file, []byte(forwardFile(addr, backend, c.log)), 0o600); err != nil {
				return err
			}
			command = []string{b.bin, "gateway", "--config", file, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
		}
		s, err := b.start(ctx, &turns.Server{Name: c.name, Addr: addr, Path: "/forward-auth", Header: question, NoBody: true}, token, command...)
		if err != nil {
			return err
		}
		b.asked = append(b.asked, &front{name: c.name, servers: []*turns.Server{s}})
	}
	return nil
}

func forwardFile(addr, backend, log string) string {
	return fmt.Sprintf(`audience: %s
access_log: %s
issuers: [{ issuer: "http://%[3]s", jwks_uri: "http://%[3]s%[4]s" }]
forward_auth: { listen: "%[6]s", proxies: [127.0.0.1] }
routes: [{ name: orders, path: "/orders/{id}", scopes: %[5]s }]
`, audience, log, backend, keysPath, scope, addr)
}

// reportForward is P10.
func (b *bench) reportForward(w io.Writer) {
	fmt.Fprint(w, "\n## P10: the answer to a front\n\nThe question is nginx's, the token is known, and the answer has no body. The endpoint in Go verifies with a cache of "+
		"verified tokens and sets `X-Client-Id`; it has no routes, log or metrics.\n\n| | µs, smallest | µs, median |\n|---|---|---|\n")
	took := map[string]float64{}
	for _, f := range b.asked {
		took[f.name] = f.smallest()
		sorted := slices.Sorted(slices.Values(f.rounds))
		fmt.Fprintf(w, "| %s | %.1f | %.1f |\n", f.name, took[f.name], sorted[len(sorted)/2])
	}
	for _, goal := range []struct {
		over   string
		atMost float64
	}{{nameEndpoint, atMostEndpoint}, {nameFixed, atMostFixed}} {
		ratio, verdict := took[nameForward]/took[goal.over], "reached"
		if ratio > goal.atMost {
			verdict = "**missed**"
		}
		fmt.Fprintf(w, "\nGoal P10: with its access log, at most %.2f of %s: %.2f, %s (without the log %.2f).\n",
			goal.atMost, goal.over, ratio, verdict, took[nameForwardQuiet]/took[goal.over])
	}
}
