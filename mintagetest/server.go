package mintagetest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/hostile"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/server"
)

// TB is what New needs of a test, a benchmark or a fuzz target; each testing.TB
// is one.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// Server is an issuer that runs until its test ends. Its methods are safe for
// concurrent use; those that can fail end the test, and so belong on its
// goroutine (see testing.T.FailNow). The fields are read only.
type Server struct {
	// Issuer is the issuer identifier, an http URL on 127.0.0.1.
	Issuer string
	// Audience identifies the API that tokens are for.
	Audience string

	// ClientID and ClientSecret are of a client that may have every scope in
	// every dialect.
	ClientID, ClientSecret string
	// APIID and APISecret are of a client that may introspect every token, as an
	// API does, and get a token with the scope mintage/revocations:read for the
	// revocation feed.
	APIID, APISecret string

	TokenURL       string // the token endpoint (RFC 6749 §3.2)
	JWKSURL        string // the keys
	MetadataURL    string // the metadata (RFC 8414)
	IntrospectURL  string // token introspection (RFC 7662)
	RevokeURL      string // token revocation (RFC 7009)
	RevocationsURL string // the revocation feed

	// MyParcelURL and DoorkeeperURL are the token endpoints of other dialects of
	// the same issuer: a JSON body, and parameters in the query.
	MyParcelURL, DoorkeeperURL string
	// CognitoIssuer and the rest are of an issuer of its own that speaks the
	// dialect of AWS Cognito, with the same clients.
	CognitoIssuer, CognitoURL, CognitoJWKSURL string

	// APIURL is an API that takes the issuers' bearer tokens, whatever their scope, and
	// answers with a JSON object of the method, path and body that it was sent.
	// It goes on while the issuer is away.
	APIURL string

	t       TB
	opts    Options
	server  *server.Server
	front   *hostile.Front
	opinion *hostile.Introspector
	client  *http.Client

	rsa struct { // the dialects that need an RSA key have it made when it is first needed
		sync.Mutex
		at map[string]time.Duration // by tenant: the clock when its keys were looked at
	}
}

// New starts an issuer, which stops when the test ends. It fails the test where
// opts ask for what there is not.
func New(t TB, opts Options) *Server {
	t.Helper()
	s := &Server{
		t: t, opts: opts.withDefaults(), front: &hostile.Front{}, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
			MaxIdleConnsPerHost: 100,
		}},
		ClientID: clientID, ClientSecret: newSecret(), APIID: apiClientID, APISecret: newSecret(),
	}
	s.Audience = s.opts.Audience
	s.rsa.at = map[string]time.Duration{}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		s.front.Stop()
		stop()
		running.Wait()
		s.client.CloseIdleConnections()
	})
	if err := s.start(ctx, &running); err != nil {
		t.Fatalf("mintagetest: %v", err)
	}
	api := httptest.NewServer(s.API(nil))
	t.Cleanup(api.Close)
	s.APIURL = api.URL
	return s
}

// start opens the server and runs it until ctx ends.
func (s *Server) start(ctx context.Context, running *sync.WaitGroup) error {
	if err := hostile.Hostility(s.opts.Hostility).Validate(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mintagetest-")
	if err != nil {
		return err
	}
	s.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// What is made now is older than any hour that the clock is set to later.
	s.front.SetClock(-hostile.MaxClockOffset)
	s.opinion = &hostile.Introspector{ClientID: s.APIID, Secret: s.APISecret}
	s.server, err = server.Open(ctx, server.Config{
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Data: filepath.Join(dir, "data"), Volatile: true,
		DrainTimeout: time.Second, Debug: true, Version: "mintagetest", Log: s.opts.Log,
		Now: s.front.Now, Observe: s.front.Observe, Front: s.stand,
	})
	if err != nil {
		return err
	}
	s.name("http://" + s.server.PublicAddr().String())
	s.opinion.Issuers = []string{s.Issuer, s.CognitoIssuer}
	if err := s.populate(ctx); err != nil {
		_ = s.server.Close() //nolint:contextcheck // the first error is the one to tell
		return err
	}
	running.Go(func() {
		if err := s.server.Run(ctx, nil); err != nil {
			s.opts.Log.LogAttrs(ctx, slog.LevelError, "the server ended", slog.Any("err", err))
		}
	})
	running.Go(func() { s.front.Run(ctx, s.opts.Log, s.server.Manager(), tenants()...) })
	return s.hostile(ctx, s.opts.Hostility)
}

// populate makes what every Server has, with the keys that the options ask for.
// Those of dialects are made when they are needed.
func (s *Server) populate(ctx context.Context) error {
	if err := s.apply(ctx, s.state(), true); err != nil {
		return err
	}
	var algs []string
	if s.opts.Alg != "" {
		algs = append(algs, s.opts.Alg)
	}
	if s.opts.Format == Sealed {
		algs = append(algs, mintage.SealingAlg)
	}
	for _, id := range tenants() {
		if err := s.server.Manager().EnsureKeys(ctx, manage.Server(), id, algs...); err != nil {
			return err
		}
	}
	return nil
}

// stand puts the front before the issuer.
func (s *Server) stand(next http.Handler) http.Handler {
	ready := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.needRSA(r.Context(), r.URL.Path)
		next.ServeHTTP(w, r)
	})
	s.opinion.Handler = next
	return s.front.Handler(ready)
}

// needRSA makes the RSA key of a dialect that says RS256, before its first
// request.
func (s *Server) needRSA(ctx context.Context, path string) {
	var id string
	switch {
	case strings.HasPrefix(path, pathCognito):
		id = cognitoTenant
	case path == pathMyParcel:
		id = tenant
	default:
		return
	}
	s.rsa.Lock()
	defer s.rsa.Unlock()
	clock := s.front.Hostility().ClockOffset
	if at, ok := s.rsa.at[id]; ok && at <= clock {
		return
	}
	if err := s.server.Manager().EnsureKeys(context.WithoutCancel(ctx), manage.Server(), id, "RS256"); err == nil {
		s.rsa.at[id] = clock
	} // else the server answers that it has none
}

// name sets the URLs.
func (s *Server) name(issuer string) {
	s.Issuer = issuer
	s.TokenURL = issuer + mintage.DefaultTokenPath
	s.JWKSURL = issuer + "/.well-known/jwks.json"
	s.MetadataURL = issuer + "/.well-known/oauth-authorization-server"
	s.IntrospectURL = issuer + "/oauth2/introspect"
	s.RevokeURL = issuer + "/oauth2/revoke"
	s.RevocationsURL = issuer + "/oauth2/revocations"
	s.MyParcelURL = issuer + pathMyParcel
	s.DoorkeeperURL = issuer + pathDoorkeeper
	s.CognitoIssuer = issuer + pathCognito
	s.CognitoURL = s.CognitoIssuer + mintage.DefaultTokenPath
	s.CognitoJWKSURL = s.CognitoIssuer + "/.well-known/jwks.json"
}

// Client returns an HTTP client for this issuer and its API: with a timeout, and
// with connections that are closed when the test ends.
func (s *Server) Client() *http.Client { return s.client }

// Stop makes the issuer go away, as far as others can tell: requests under way
// are cut off, and new ones have their connections reset, until Start. The API
// goes on.
func (s *Server) Stop() { s.front.Stop() }

// Start brings the issuer back after Stop, at the same address and with all
// that it knew.
func (s *Server) Start() { s.front.Start() }

// API puts the issuer's opinion of the bearer token in front of next: 401 for
// one that has ended or is refused by Hostility or Refuse, 403 for one without
// the scopes. The challenge is that of RFC 6750 §3. A nil next answers as APIURL
// does.
func (s *Server) API(next http.Handler, scopes ...string) http.Handler {
	return s.front.API(s.opinion, s.Audience, next, scopes...)
}

// fail ends the test.
func (s *Server) fail(what string, err error) {
	s.t.Helper()
	s.t.Fatalf("mintagetest: %s: %v", what, err)
}

// do runs a change to the issuer, which takes milliseconds.
func (s *Server) do(what string, change func(context.Context) error) {
	s.t.Helper()
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := change(ctx); err != nil {
		s.fail(what, err)
	}
}

// errUnknown says that a test names what there is not.
func errUnknown(what, name string) error { return fmt.Errorf("there is no %s %q", what, name) }
