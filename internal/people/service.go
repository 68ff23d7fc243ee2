package people

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/keys"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/internal/store"
	"github.com/mintage-auth/mintage/oauth"
)

// Config is what a Service needs. All fields must be set, but for those that say
// otherwise.
type Config struct {
	Store   store.Store
	Manager *manage.Manager
	Vault   *keys.Vault
	Secrets *secret.Hasher
	// URL is where the console is, such as https://console.example.com/console:
	// passkeys belong to its host, and a provider sends people back to it.
	URL string
	// OIDC is the provider by which people may sign in; nil: there is none.
	OIDC *Provider
	Now  func() time.Time
	Log  *slog.Logger
}

// Service lets people sign in. It is safe for concurrent use. Made by New; there
// is nothing to close.
type Service struct {
	Config
	throttle *throttle
	relying  *relyingParty
	provider *provider // nil: there is none
	// slow is how long a wrong attempt takes at least.
	slow time.Duration
}

// New returns a Service. It calls nobody: a provider is asked when somebody
// signs in by it.
func New(cfg Config) (*Service, error) {
	s := &Service{Config: cfg, throttle: newThrottle(), slow: failureTime}
	var err error
	if s.relying, err = newRelyingParty(cfg.URL); err != nil {
		return nil, err
	}
	s.provider = newProvider(cfg.OIDC, cfg.URL)
	return s, nil
}

// now returns the time in the resolution of rows.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Second) }

// From is where a request comes from.
type From struct {
	Address   string // remote address, without the port
	UserAgent string
	TraceID   string
}

// maxUserAgent bounds what is kept of a User-Agent, in bytes.
const maxUserAgent = 300

// agent is the User-Agent as it is kept.
func (f From) agent() string {
	return strings.ToValidUTF8(f.UserAgent[:min(len(f.UserAgent), maxUserAgent)], "?")
}

// by is somebody who is not signed in yet.
func (f From) by() manage.By {
	return manage.By{Actor: mintage.Actor{Tenant: mintage.BuiltInTenant, Address: f.Address}, Via: "console", TraceID: f.TraceID}
}

// Viewer is who looks at a page.
type Viewer struct {
	Operator *mintage.Operator
	Session  *mintage.Session
	// Membership confines them to an organization; nil: an operator over
	// everything.
	Membership *mintage.Membership
}

// Scope returns what the viewer may do, by the names of admin scopes.
func (v *Viewer) Scope() oauth.Scope {
	if v.Membership != nil {
		return manage.MemberScope(v.Membership.Role)
	}
	return manage.RoleScope(v.Operator.Role)
}

// Role returns what the viewer is where they look.
func (v *Viewer) Role() mintage.Role {
	if v.Membership != nil {
		return v.Membership.Role
	}
	return v.Operator.Role
}

// By returns who makes a change.
func (v *Viewer) By(address, traceID string) manage.By {
	by := manage.By{
		Actor: mintage.Actor{
			Tenant: mintage.BuiltInTenant, OperatorID: v.Operator.ID, OperatorEmail: v.Operator.Email, Address: address,
		},
		Via: "console", TraceID: traceID, Scope: v.Scope(),
	}
	if m := v.Membership; m != nil {
		by.Organization = manage.OrganizationKey{Tenant: m.Tenant, ID: m.Organization}
		by.Actor.Tenant = m.Tenant
	}
	return by
}

// person returns what v does to what is their own.
func (v *Viewer) person(f From) manage.By { return v.By(f.Address, f.TraceID) }

// Credentials lists how somebody signs in. Data is left out, and so are what goes
// with a password.
func (s *Service) Credentials(ctx context.Context, operator string) ([]*mintage.OperatorCredential, error) {
	list, err := s.Store.OperatorCredentials(ctx, operator)
	list = slices.DeleteFunc(list, func(c *mintage.OperatorCredential) bool { return !way(c.Kind) })
	for _, c := range list {
		c.Data = nil
	}
	return list, err
}
