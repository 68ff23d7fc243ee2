package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptWaitMetric waits until the metrics of an admin listener match an
// expression: waitmetric PORT EXPRESSION.
func scriptWaitMetric(ts *testscript.TestScript, _ bool, args []string) {
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	find := regexp.MustCompile(args[1])
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+args[0]+"/metrics", http.NoBody)
		ts.Check(err)
		res, err := transport.RoundTrip(req)
		ts.Check(err)
		body, err := io.ReadAll(res.Body)
		ts.Check(err)
		ts.Check(res.Body.Close())
		if find.Match(body) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s does not match after %s:\n%s", args[1], patience, body)
		}
	}
}
