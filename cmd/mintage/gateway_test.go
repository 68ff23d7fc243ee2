package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
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

// scriptWaitServed waits until new connections to a port get the certificate in
// a file: waitserved PORT FILE.
func scriptWaitServed(ts *testscript.TestScript, _ bool, args []string) {
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	block, _ := pem.Decode([]byte(ts.ReadFile(args[1])))
	if block == nil {
		ts.Fatalf("%s has no certificate", args[1])
	}
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // #nosec G402 -- looks at the certificate alone
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := d.DialContext(ctx, "tcp", "127.0.0.1:"+args[0]); err == nil {
			c, ok := conn.(*tls.Conn)
			served := ok && bytes.Equal(c.ConnectionState().PeerCertificates[0].Raw, block.Bytes)
			ts.Check(conn.Close())
			if served {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("the certificate in %s is not served after %s", args[1], patience)
		}
	}
}
