//go:build !race

package consume_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/consume"
)

// TestAllocations is the gate of what is done for each call: handing out a token
// that is there allocates nothing, and putting it on a request only the copy of
// the request that a RoundTripper owes its caller. Make gates runs it without the
// race detector, which allocates on its own account.
func TestAllocations(t *testing.T) { //nolint:paralleltest // what others allocate is counted too
	src := warm(t)
	res := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(""))}
	transport := &consume.Transport{
		Source: src, Origins: []string{"https://api.example"},
		Base: tripper(func(*http.Request) (*http.Response, error) { return res, nil }),
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		do     func() error
		atMost float64
	}{
		{"Source.Token warm", func() error {
			_, err := src.Token(t.Context())
			return err
		}, 0},
		{"Transport.RoundTrip", func() error {
			_, err := transport.RoundTrip(r) //nolint:bodyclose // there is nothing in it
			return err
		}, 8},
	} {
		if n := testing.AllocsPerRun(1000, func() { err = tt.do() }); n > tt.atMost || err != nil {
			t.Errorf("%s: %v allocations, %v, want at most %v", tt.name, n, err, tt.atMost)
		} else {
			t.Logf("%s: %v allocations", tt.name, n)
		}
	}
}
