package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/mintage-auth/mintage/internal/hostile"
	"github.com/mintage-auth/mintage/internal/server"
)

const hostileHelp = `  refuse=5          of a hundred good tokens so many are marked to be refused,
                    the first and so on, by the API and by introspection; the
                    token that a client gets in answer never is, nor one that
                    is first shown within 5 s of another refusal
  refuse-after=10s  such a token is good for so long first
  429=2, 503=5      of a hundred requests so many are answered so
  retry-after=1s    what these answers say in Retry-After
  reset=2           of a hundred requests so many get no answer
  delay=50ms        how much slower each answer is
  rotate=1m         how often the signing keys change, without warning
  clock=-30s        how far ahead the issuer's clock is, or behind
`

// Paths of what --hostile adds to the public listener.
const (
	pathAPI     = "/api/"
	pathHostile = "/hostile"
)

// hostileDev is what --hostile adds to mintage dev. Nil adds nothing.
type hostileDev struct {
	hostility hostile.Hostility
	front     *hostile.Front
	opinion   *hostile.Introspector
}

// newHostileDev reads the flag; empty is off.
func newHostileDev(spec string) (*hostileDev, error) {
	if spec == "" {
		return nil, nil
	}
	h, err := hostile.Parse(spec)
	if err != nil {
		return nil, usage("--hostile: "+err.Error(), "mintage dev --hostile=refuse=5,503=10,retry-after=2s")
	}
	return &hostileDev{hostility: h, front: &hostile.Front{}, opinion: &hostile.Introspector{}}, nil
}

// configure puts the front before the issuer, and the API and its control
// beside it.
func (d *hostileDev) configure(cfg *server.Config) {
	if d == nil {
		return
	}
	d.front.SetClock(-hostile.MaxClockOffset) // keys that are made now work whatever the clock is set to
	cfg.Now, cfg.Observe = d.front.Now, d.front.Observe
	cfg.Front = func(next http.Handler) http.Handler {
		d.opinion.Handler = next
		mux := http.NewServeMux()
		mux.Handle("/", d.front.Handler(next))
		mux.Handle(pathAPI, d.front.API(d.opinion, "demo", nil))
		mux.Handle(pathHostile, http.StripPrefix(pathHostile, root(d.front.Control())))
		return mux
	}
}

// root serves what is left of a path that was cut off whole.
func root(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/"
		next.ServeHTTP(w, r)
	})
}

// run makes the issuer hostile and rotates keys until ctx ends. What it returns
// waits for that.
func (d *hostileDev) run(ctx context.Context, s *server.Server, demo *server.Demo, log *slog.Logger) (wait func(), err error) {
	if d == nil {
		return func() {}, nil
	}
	if err := d.front.Set(d.hostility); err != nil {
		return nil, err
	}
	if err := s.Manager().Sync(ctx); err != nil { // what it knows is as old as the clock says
		return nil, err
	}
	d.opinion.Issuers = []string{demo.Issuer, demo.CognitoIssuer}
	d.opinion.ClientID, d.opinion.Secret = demo.ClientID, demo.Secret
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { d.front.Run(ctx, log, s.Manager(), server.DemoTenants()...) })
	return func() {
		stop()
		running.Wait()
	}, nil
}

// greet says what there is.
func (d *hostileDev) greet(w io.Writer, demo *server.Demo) {
	if d == nil {
		return
	}
	fmt.Fprintf(w, `
Hostile: %[2]s
An API that refuses some good tokens, and what happened so far:
curl -H "Authorization: Bearer $TOKEN" %[1]s/api/orders
curl %[1]s/hostile
`, demo.Issuer, d.front.Hostility())
}
