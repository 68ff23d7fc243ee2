package promobserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/consume/promobserver"
)

// fetcher answers as it is told.
type fetcher struct{ err error }

var end = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func (f *fetcher) Token(context.Context) (*consume.Token, error) {
	if f.err != nil {
		return nil, f.err
	}
	return &consume.Token{Value: "the-token", Expires: end}, nil
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	metrics := promobserver.New()
	registry.MustRegister(metrics)

	good := &consume.Source{Fetcher: &fetcher{}}
	good.Observer = metrics.Observer("good", good)
	defer good.Close()
	bad := &fetcher{}
	failing := &consume.Source{Fetcher: bad}
	failing.Observer = metrics.Observer("failing", failing)
	defer failing.Close()
	for range 3 {
		if _, err := good.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad.err = range []error{
		&consume.Error{Status: 401, Code: "invalid_client"}, &consume.Error{Status: 400, Code: "a code of their own"},
		&consume.Error{Cause: context.DeadlineExceeded}, errors.New("connection refused"),
	} {
		if _, err := failing.Force(t.Context()); err == nil {
			t.Fatal("there is a token")
		}
	}
	o := metrics.Observer("replays", good)
	o.Replayed(http.StatusOK, nil)
	o.Replayed(http.StatusUnauthorized, nil)
	o.Replayed(http.StatusTeapot, nil)
	o.Replayed(0, errors.New("connection reset"))

	want := `
# HELP mintage_consume_fetches_total Requests for a token.
# TYPE mintage_consume_fetches_total counter
mintage_consume_fetches_total{result="invalid_client",source="failing",trigger="forced"} 1
mintage_consume_fetches_total{result="ok",source="good",trigger="caller"} 1
mintage_consume_fetches_total{result="other",source="failing",trigger="forced"} 1
mintage_consume_fetches_total{result="timeout",source="failing",trigger="forced"} 1
mintage_consume_fetches_total{result="unreachable",source="failing",trigger="forced"} 1
# HELP mintage_consume_replays_total Requests that were sent again with another token.
# TYPE mintage_consume_replays_total counter
mintage_consume_replays_total{result="ok",source="replays"} 1
mintage_consume_replays_total{result="other",source="replays"} 1
mintage_consume_replays_total{result="refused",source="replays"} 1
mintage_consume_replays_total{result="unreachable",source="replays"} 1
# HELP mintage_consume_tokens_served_total Tokens handed out.
# TYPE mintage_consume_tokens_served_total counter
mintage_consume_tokens_served_total{source="failing"} 0
mintage_consume_tokens_served_total{source="good"} 3
mintage_consume_tokens_served_total{source="replays"} 3
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"mintage_consume_fetches_total", "mintage_consume_replays_total", "mintage_consume_tokens_served_total"); err != nil {
		t.Error(err)
	}
	for name, n := range map[string]int{
		"mintage_consume_fetch_duration_seconds": 2, "mintage_consume_wait_seconds": 2, "mintage_consume_waiting_callers": 3,
		"mintage_consume_token_expiry_timestamp_seconds": 2, "mintage_consume_retry_timestamp_seconds": 1,
	} {
		if got, err := testutil.GatherAndCount(registry, name); err != nil || got != n {
			t.Errorf("%s: %d series, %v, want %d", name, got, err, n)
		}
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v", problems, err)
	}
}

func ExampleNew() {
	registry := prometheus.NewRegistry()
	metrics := promobserver.New()
	registry.MustRegister(metrics)

	src := &consume.Source{Fetcher: &fetcher{}}
	src.Observer = metrics.Observer("billing", src)
	defer src.Close()
	_, err := src.Token(context.Background())

	n, _ := testutil.GatherAndCount(registry, "mintage_consume_fetches_total")
	fmt.Println(n, err)
	// Output:
	// 1 <nil>
}
