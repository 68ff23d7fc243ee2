package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What the experiment is: shared/consume.md says why.
const (
	callers  = 30
	deadline = time.Second
	answers  = 100 * time.Millisecond
)

// client has connections enough for all callers.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}, Timeout: time.Minute}
}

// failing has all callers ask at once while the issuer answers 503 after a while.
func failing() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## An issuer that fails\n\nIt answers 503 after %v; %d goroutines ask at once, each with a deadline of %v.\n\n", answers, callers, deadline)
	b.WriteString("| cache | requests at the issuer | longest caller | callers past their deadline |\n|---|---|---|---|\n")
	for _, l := range libraries() {
		requests, longest, late := fail(l)
		fmt.Fprintf(&b, "| %s | %d | %.2f s | %d |\n", l.name, requests, longest.Seconds(), late)
	}
	b.WriteString("\nA caller counts as past its deadline when it comes back more than 100 ms after it.\n\n")
	return b.String()
}

// fail is one run of it.
func fail(l library) (requests int64, longest time.Duration, late int) {
	var asked atomic.Int64
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		time.Sleep(answers)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer issuer.Close()
	token := l.open(issuer.URL)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), deadline)
			defer cancel()
			began := time.Now()
			if token(ctx) == nil {
				panic(l.name + " has a token from an issuer that gives none")
			}
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			longest = max(longest, took)
			if took > deadline+100*time.Millisecond {
				late++
			}
		})
	}
	wg.Wait()
	return asked.Load(), longest, late
}
