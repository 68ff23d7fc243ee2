package issue

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

// Outcome is how a request ended. It never holds a secret or a token. Endpoint,
// Dialect, GrantType, AuthMethod, Error, Reason, Format and Alg are words of
// closed sets, fit to be labels of metrics.
type Outcome struct {
	Endpoint   string // token, introspect, revoke, metadata, jwks, pem, authorize, other
	TraceID    string
	Tenant     string // empty: none was found
	Dialect    string // of the token endpoint
	GrantType  string // empty: missing or not one that is served
	AuthMethod string

	ClientID   string // as claimed, if it can be shown
	ClientName string // of the client that proved itself, as the rest
	SecretID   string
	SecretHint string
	// Notes are reason codes of things that did not fail the request, and
	// Warnings those of them that are more than what the client was allowed.
	Notes    []string
	Warnings []string
	// Weak are the rungs of the client's ladder that the request needed.
	Weak []mintage.Rung

	ScopeAsked   oauth.Scope
	ScopeGranted oauth.Scope
	Audience     []string // resource servers of the token

	Error  string // empty: none
	Reason string
	Status int
	cause  error

	Active    bool // of introspection
	TokenID   string
	Format    mintage.TokenFormat
	Alg       string
	TokenType string // Bearer or DPoP
	ExpiresIn int64  // seconds

	Ignored    []string // parameters that nothing reads
	DidYouMean string   // the parameter that the first of them resembles
	RemoteIP   netip.Addr
	UserAgent  string
	Duration   time.Duration
}

// client notes who sent the request, or who it said it was.
func (o *Outcome) client(who *clientauth.Result) {
	o.AuthMethod = who.Method
	if who.Client == nil {
		o.ClientID = claimedID(who.ClientID)
		return
	}
	o.ClientID, o.ClientName = who.Client.ID, who.Client.Name
	if who.Secret != nil {
		o.SecretID, o.SecretHint = who.Secret.ID, who.Secret.Hint
	}
	if who.Raw {
		o.warn("auth.not_urlencoded")
	}
	o.Weak = who.Weak
}

// warn notes something that did not fail the request.
func (o *Outcome) warn(reason string) {
	o.Notes = append(o.Notes, reason)
	o.Warnings = append(o.Warnings, reason)
}

// KnownClient reports whether ClientID is a client's, though it need not have
// proved to be that client.
func (o *Outcome) KnownClient() bool {
	if o.ClientName != "" || strings.HasPrefix(o.Reason, "secret.") {
		return true
	}
	switch o.Reason {
	case "client.disabled", "ip.not_allowed", "limit.client", "auth.method_not_allowed",
		"assertion.expired", "assertion.not_yet", "assertion.audience", "assertion.replayed", "assertion.signature",
		"assertion.key_unknown", "assertion.keys_unavailable":
		return true
	}
	return false
}

// Puzzling reports whether a request was refused for credentials that may be
// nearly right: Handler.Found is told more of it.
func (o *Outcome) Puzzling() bool {
	return o.Reason == "client.unknown" || o.Reason == secret.ReasonMismatch
}

// hideUnproved cuts an identifier that nobody is known to have: it may be a
// secret in the wrong field, unless it is short or in the form of identifiers.
func (o *Outcome) hideUnproved() {
	const shown, short, ours, uuid = 6, 16, 24, 36
	id := o.ClientID
	switch {
	case o.KnownClient():
	case len(id) <= short, strings.HasPrefix(id, "mc_") && len(id) <= ours, id[0] == '(':
	case len(id) == uuid && strings.Count(id, "-") == 4 && strings.Trim(id, "-0123456789abcdefABCDEF") == "":
	default:
		o.ClientID = id[:shown] + "…"
	}
}

// claimedID returns what may be shown of an identifier that nobody proved: not
// what no client has, and not what looks like a secret in the wrong field.
func claimedID(id string) string {
	switch {
	case id == "":
		return ""
	case !clientauth.ValidClientID(id):
		return "(not a client id)"
	case strings.Contains(id, "mint_live_"), strings.Contains(id, "mint_test_"):
		return "(a secret)"
	}
	return id
}

// issued notes the token.
func (o *Outcome) issued(az *mintage.Authorization, tok *mintage.AccessToken) {
	o.ScopeGranted, o.Audience = tok.Scope, az.Audience
	o.TokenID, o.Format, o.Alg, o.TokenType = tok.JTI, tok.Format, tok.Alg, tok.Type()
	o.ExpiresIn = lifetime(tok)
	if len(az.Dropped) > 0 {
		o.warn("scope.not_granted")
	}
}

// maxAttrs is how many attributes a log line may have.
const maxAttrs = 29

// log writes the one line of a request. The URL is not in it: a query may hold
// a secret. It makes the record itself, since the place in the source that
// Logger would look up is always this.
func (x *exchange) log(ctx context.Context, log *slog.Logger, quiet bool) {
	o := &x.out
	level := slog.LevelInfo
	switch {
	case o.Status >= http.StatusInternalServerError:
		level = slog.LevelError
	case quiet && o.Error == "":
		level = slog.LevelDebug
	}
	handler := log.Handler()
	if !handler.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(x.start.Add(o.Duration), level, "request", 0)
	r.AddAttrs(slog.Attr{Value: slog.GroupValue(o.appendAttrs(x.attrs[:0])...)}) // a group without a name is its members
	_ = handler.Handle(ctx, r)                                                   // as Logger has it: there is nobody to tell
}

// appendAttrs appends what the log line says of o.
func (o *Outcome) appendAttrs(attrs []slog.Attr) []slog.Attr {
	attrs = append(attrs, slog.String("endpoint", o.Endpoint), slog.String("trace_id", o.TraceID))
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	text("tenant", o.Tenant)
	text("dialect", o.Dialect)
	text("client_id", o.ClientID)
	text("client_name", o.ClientName)
	text("secret_hint", o.SecretHint)
	text("auth_method", o.AuthMethod)
	text("grant_type", o.GrantType)
	text("scope_asked", o.ScopeAsked.String())
	text("scope_granted", o.ScopeGranted.String())
	text("error", o.Error)
	text("reason", o.Reason)
	if o.cause != nil && o.Status >= http.StatusInternalServerError {
		text("cause", o.cause.Error())
	}
	text("notes", strings.Join(o.Notes, " "))
	attrs = append(attrs, slog.Int("status", o.Status), slog.Float64("duration_ms", float64(o.Duration)/float64(time.Millisecond)))
	if o.RemoteIP.IsValid() {
		text("remote_ip", o.RemoteIP.String())
	}
	text("user_agent", printable(o.UserAgent))
	text("token_id", o.TokenID)
	if o.TokenType != oauth.TokenTypeBearer {
		text("token_type", o.TokenType)
	}
	if o.ExpiresIn > 0 {
		attrs = append(attrs, slog.Int64("expires_in", o.ExpiresIn))
	}
	text("ignored_params", strings.Join(o.Ignored, " "))
	text("did_you_mean", o.DidYouMean)
	return attrs
}

// printable returns at most 256 bytes of s, in which nothing can pretend to be
// a line of its own.
func printable(s string) string {
	const most = 256
	s = s[:min(len(s), most)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
