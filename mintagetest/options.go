package mintagetest

import (
	"crypto/rand"
	"log/slog"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/secret"
)

// Formats of access tokens.
const (
	JWT    = string(mintage.FormatJWT)    // signed (RFC 9068), or as the dialect has it
	Stored = string(mintage.FormatStored) // opaque; only introspection says what it stands for
	Sealed = string(mintage.FormatSealed) // opaque, of another kind
)

// Options say what the issuer is like. The zero value is one with a client that
// may have the scopes orders/read and orders/write of one API.
type Options struct {
	// Audience identifies the API that tokens are for; empty:
	// https://api.test.example.
	Audience string
	// Scopes are the API's; nil: orders/read and orders/write.
	Scopes []string

	// Life is how long tokens of every dialect live, in whole seconds; zero: an
	// hour, or what the dialect says.
	Life time.Duration
	// Format is that of tokens of every dialect: JWT, Stored or Sealed; empty:
	// what the dialect says, JWT for most.
	Format string
	// Alg is the JWS algorithm of tokens of every dialect: ES256, EdDSA, PS256 or
	// RS256; empty: what the dialect says, ES256 for the one of RFC 6749. An RSA
	// key takes some tenths of a second to make.
	Alg string

	// DPoPBound says that the client gets no token without a DPoP proof (RFC 9449
	// §5.2); with one it gets a bound token anyway. APIURL takes no bound tokens:
	// put package enforce in front of an API that does.
	DPoPBound bool
	// DPoPNonces says that proofs need a nonce of the issuer (RFC 9449 §8).
	DPoPNonces bool

	// Hostility is how the issuer misbehaves from the start.
	Hostility Hostility

	// Log is the server's own log, in which neither secrets nor tokens are; nil:
	// nobody reads it.
	Log *slog.Logger
}

// Names of what every Server has.
const (
	tenant        = "test"
	cognitoTenant = "test-cognito" // its dialect has the same path as that of RFC 6749
	clientID      = "test-client"
	apiClientID   = "test-api"
	source        = "mintagetest"
)

func tenants() []string { return []string{tenant, cognitoTenant} }

// Paths of token endpoints, below the issuer.
const (
	pathMyParcel   = "/access-token"
	pathDoorkeeper = "/oauth/token"
	pathCognito    = "/cognito" // of the issuer that speaks it
)

// withDefaults returns o complete.
func (o Options) withDefaults() Options {
	if o.Audience == "" {
		o.Audience = "https://api.test.example"
	}
	if o.Scopes == nil {
		o.Scopes = []string{"orders/read", "orders/write"}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// token returns what o says of tokens.
func (o Options) token() *apply.Token {
	tok := &apply.Token{}
	if o.Life != 0 {
		tok.Lifetime = new(apply.Duration(o.Life))
	}
	if o.Format != "" {
		tok.Format = &o.Format
	}
	if o.Alg != "" {
		tok.Alg = &o.Alg
	}
	return tok
}

// state declares what every Server has.
func (s *Server) state() *apply.State {
	scopes := make(map[string]string, len(s.opts.Scopes))
	for _, name := range s.opts.Scopes {
		scopes[name] = ""
	}
	api := s.declare(apiClientID, s.APISecret, nil)
	api.Grants = []apply.Grant{{ResourceServer: mintage.AdminResource, Scopes: []string{"revocations:read"}}}
	client := s.declare(clientID, s.ClientSecret, s.opts.token())
	client.DPoPBound = &s.opts.DPoPBound
	return &apply.State{
		APIVersion: apply.APIVersion,
		Tenants: []apply.Tenant{
			{ID: tenant, Issuer: &s.Issuer, DPoPNonces: &s.opts.DPoPNonces, TokenPaths: map[string]string{
				mintage.DefaultTokenPath: mintage.DialectRFC,
				pathMyParcel:             mintage.DialectMyParcel,
				pathDoorkeeper:           mintage.DialectDoorkeeper,
			}},
			{ID: cognitoTenant, Issuer: &s.CognitoIssuer, DPoPNonces: &s.opts.DPoPNonces, TokenPaths: map[string]string{
				mintage.DefaultTokenPath: mintage.DialectCognito,
			}},
		},
		ResourceServers: []apply.ResourceServer{{
			Identifier: s.Audience, Tenants: tenants(), Scopes: scopes, Introspectors: []string{apiClientID},
		}},
		Clients: []apply.Client{client, api},
	}
}

// declare returns a client of both tenants with one secret.
func (s *Server) declare(id, plain string, tok *apply.Token) apply.Client {
	made := map[string]apply.Sensitive{}
	for _, t := range tenants() {
		made[t] = apply.Sensitive(plain)
	}
	return apply.Client{
		ID: id, Name: &id, Tenants: tenants(), Token: tok,
		Ladder:  map[string]string{string(mintage.RungQueryCredentials): string(mintage.LadderAllow)},
		Grants:  []apply.Grant{{ResourceServer: s.Audience, Scopes: []string{mintage.AllScopes}}},
		Secrets: []apply.Secret{{Name: rand.Text(), Generate: true, Made: made}},
	}
}

// newSecret draws a secret that the server takes for one of its own.
func newSecret() string { return secret.Generate(false) }

// known reports whether o.Scopes has all of scopes.
func (o Options) known(scopes []string) bool {
	return !slices.ContainsFunc(scopes, func(sc string) bool { return !slices.Contains(o.Scopes, sc) })
}
