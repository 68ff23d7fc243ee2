package server

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/usage"
)

// openConsole makes the console, once it is known where it is.
func (s *Server) openConsole() error {
	var err error
	s.people, err = people.New(people.Config{
		Store: s.store, Manager: s.manager, Vault: s.vault, Secrets: s.hasher, URL: s.ConsoleURL(), OIDC: s.cfg.OIDC.provider(), Now: s.cfg.Now, Log: s.log,
	})
	if err != nil {
		return err
	}
	h, err := console.New(console.Config{
		Manager: s.manager, People: console.Sessions{Service: s.people}, Accounts: s.people, Public: s.publicHandler(),
		Tokens: s.adminAPI, Owners: owners{s.store, s.hasher}, Usage: &usage.Reports{Store: s.store, Now: s.cfg.Now},
		OpenAPI: s.adminAPI.OpenAPI,
		State:   s.consoleState,
		Address: func(r *http.Request) string { return s.peer(r).Addr.String() },
		DocsURL: s.consoleDocs, Stopping: s.stopping, Version: s.cfg.Version, Now: s.cfg.Now, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.console.Store(&h)
	return nil
}

// consoleState is how the server runs and is, for the console.
func (s *Server) consoleState(ctx context.Context) console.ServerState {
	h := s.health(ctx)
	st := console.ServerState{
		Backups: s.cfg.Database.URL == "" && !s.cfg.Volatile && !s.cfg.Debug, LastBackup: s.cfg.lastBackup(), Database: "SQLite",
		KeepRequests: s.cfg.KeepRequests, RefusedOnly: s.cfg.RefusedOnly, RequestsPerMinute: s.cfg.RequestsPerMinute, KeyPeriod: s.cfg.KeyPeriod,
		Ready: h.Status == "ok",
	}
	if s.cfg.Database.URL != "" {
		st.Database = "PostgreSQL"
	}
	for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
		if said := h.Checks[name]; said != "ok" && said != "no" {
			st.Checks = append(st.Checks, console.Check{Name: name, Said: said})
		}
	}
	return st
}

// OIDC is an OpenID provider and the console's account there.
type OIDC struct {
	Name, Issuer, ClientID string
	ClientSecret           string
}

// LogValue shows nothing secret.
func (o *OIDC) LogValue() slog.Value { return slog.StringValue(o.Issuer) }

func (o *OIDC) provider() *people.Provider {
	if o == nil {
		return nil
	}
	return &people.Provider{Name: o.Name, Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret}
}

// ConsoleURL returns where people reach the console, with /console and no slash
// behind it.
func (s *Server) ConsoleURL() string {
	base := strings.TrimSuffix(s.cfg.ConsoleURL, "/")
	switch {
	case base != "":
	case s.pages != nil:
		base = ListenURL(s.pages.String(), s.cfg.TLS != nil)
	case s.cfg.AdminURL != "":
		base = strings.TrimSuffix(s.cfg.AdminURL, "/")
	default:
		base = ListenURL(s.admin.String(), s.cfg.AdminTLS != nil)
	}
	return base + console.Prefix
}

// ListenURL returns the URL of a listener, without a slash at its end. One that
// takes connections to all addresses is reached as localhost.
func ListenURL(addr string, secure bool) string { //nolint:revive // whether it has a certificate
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return scheme + addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + net.JoinHostPort(host, port)
}

// SetupURL returns the one-time link by which the first owner is made; empty
// when there is an operator. Each call returns the same, as long as it lives.
func (s *Server) SetupURL(ctx context.Context) (string, error) {
	l, err := s.manager.SetupLink(ctx)
	if err != nil || l == nil {
		return "", err
	}
	return s.people.LinkURL(l), nil
}

// consoleDocs is where the console's pages find the documentation: as
// configured, else on their own listener.
func (s *Server) consoleDocs() string {
	if at := s.docs(); at != "" {
		return at
	}
	return "/docs"
}

// pagesHandler is the console, which opens after its listener did.
func (s *Server) pagesHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := s.console.Load()
		if h == nil {
			http.Error(w, "the console is not open yet", http.StatusServiceUnavailable)
			return
		}
		(*h).ServeHTTP(w, r)
	})
}

// consoleHandler serves the console and nothing else, where it has a listener of
// its own.
func (s *Server) consoleHandler() http.Handler {
	table := newTable(s, func(rt route) bool { return rt.pages })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route, h := table.plainAt(r.URL.Path); h != nil {
			s.metrics.Serve(w, r, route, h.ServeHTTP)
			return
		}
		http.NotFound(w, r)
	})
}

// toConsole sends who asks for the root of a listener to the console.
func toConsole(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "there is nothing to send here", http.StatusMethodNotAllowed)
		return
	}
	http.Redirect(w, r, console.Prefix+"/", http.StatusSeeOther)
}
