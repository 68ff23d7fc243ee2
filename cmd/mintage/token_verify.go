package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/internal/explain"
	"github.com/mintage-auth/mintage/oauth"
)

const (
	// maxMetadata bounds an issuer's metadata, in bytes.
	maxMetadata = 256 << 10
	// fetchTimeout bounds each of the two documents of an issuer.
	fetchTimeout = 10 * time.Second
)

// verifyFlags are the flags of token verify.
type verifyFlags struct {
	issuer, audience           string
	scopes                     []string
	anyAudience, untyped, http bool
	leeway                     time.Duration
}

func (a *app) tokenVerifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify FILE|- --audience AUDIENCE",
		Short: "Check a JWT as an API would: signature, issuer, audience, times, scopes",
		Long: `Check a JWT as an API would. The issuer is that of --issuer, else the one of the
tenant, which is found through the admin API; its keys are fetched by its
metadata (RFC 8414). Exit code 8 says that the token is not valid.

Tokens with Cognito's or MyParcel's claims need --any-audience or
--insecure-untyped, for they lack what RFC 9068 demands of an access token. An
opaque token is checked with mintage token introspect.`,
		Example: `  mintage token get "Nightly export" --secret-file s | mintage token verify - --audience https://api.example --scope orders/read
  mintage token verify token.jwt --issuer https://auth.example.com --audience https://api.example
  mintage token verify token.jwt --issuer https://auth.example.com --any-audience --insecure-untyped`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := a.readToken(args[0])
			if err != nil {
				return err
			}
			return a.tokenVerify(cmd.Context(), token, f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.issuer, "issuer", "", "issuer identifier; left out: that of the tenant")
	fl.StringVar(&f.audience, "audience", "", "the API that the token must be for")
	fl.StringSliceVar(&f.scopes, "scope", nil, "scopes that the token must have")
	fl.DurationVar(&f.leeway, "leeway", enforce.DefaultLeeway, "how far the clocks may be apart, 60s at most")
	fl.BoolVar(&f.anyAudience, "any-audience", false, "accept whatever audience the token has, or none")
	fl.BoolVar(&f.untyped, "insecure-untyped", false, "accept a JWT whose header does not say that it is an access token")
	fl.BoolVar(&f.http, "insecure-http", false, "fetch keys over plain HTTP from another machine")
	a.tokenServerFlags(cmd)
	return cmd
}

// tokenServerFlags adds the flags of a verb that asks the admin API about the
// tokens of a tenant.
func (a *app) tokenServerFlags(cmd *cobra.Command) {
	a.serverFlags(cmd)
	a.tenantFlag(cmd)
}

// verdict is what token verify prints.
type verdict struct {
	Valid  bool            `json:"valid"`
	Reason string          `json:"reason,omitempty"` // reason code of a token that is not valid
	Detail string          `json:"detail,omitempty"`
	Claims json.RawMessage `json:"claims,omitempty"` // of a valid token alone
}

func (a *app) tokenVerify(ctx context.Context, token string, f verifyFlags) error {
	if f.audience == "" && !f.anyAudience {
		return usage("no audience is named", "--audience IDENTIFIER of the API that takes the token")
	}
	if strings.Count(token, ".") < 2 {
		return &failure{code: exitUsage, what: "this is no JWT", why: "an opaque token can be checked by its server alone", fix: "mintage token introspect"}
	}
	issuer, err := a.issuerKeys(ctx, f)
	if err != nil {
		return err
	}
	leeway := f.leeway
	if leeway == 0 {
		leeway = -1 // none, as enforce says it
	}
	v := &enforce.Verifier{Issuers: issuer, Audience: f.audience, AnyAudience: f.anyAudience, Leeway: leeway}
	tok, err := v.Verify(ctx, token)
	if err != nil {
		return a.printRefusal(err, token)
	}
	if missing := oauth.NewScope(splitSpaces(f.scopes)...).Without(tok.Scope); len(missing) > 0 {
		detail := fmt.Sprintf("scope %s is missing (token has: %s)", missing, cmp.Or(tok.Scope.String(), "none"))
		return a.printVerdict(verdict{Reason: "token.scope", Detail: detail})
	}
	return a.printVerdict(verdict{Valid: true, Claims: tok.Payload()})
}

// printRefusal prints why a token is not valid. When that cannot be told, it
// is an error.
func (a *app) printRefusal(err error, token string) error {
	e, ok := errors.AsType[*oauth.Error](err)
	switch {
	case !ok:
		return err
	case e.Code == "temporarily_unavailable":
		return &failure{code: exitUnreachable, what: "the issuer's keys cannot be had", why: causeOf(e), fix: "check --issuer and the network"}
	case e.Code != "invalid_token":
		return &failure{code: exitFailed, what: "the token cannot be checked", why: causeOf(e)}
	}
	detail := e.Description
	if has := claimOf(token, e.Reason); has != "" {
		detail += " (token has: " + has + ")"
	} else if e.Cause != nil {
		detail += " (" + e.Cause.Error() + ")"
	}
	return a.printVerdict(verdict{Reason: e.Reason, Detail: detail})
}

func causeOf(e *oauth.Error) string {
	if e.Cause != nil {
		return e.Cause.Error()
	}
	return e.Description
}

// claimOf returns what a token that is not valid says where it was refused.
func claimOf(token, reason string) string {
	names := map[string]string{
		"token.audience": "aud", "token.issuer": "iss", "token.expired": "exp", "token.not_yet": "nbf",
	}
	name, ok := names[reason]
	in, err := decodeToken(token)
	if !ok || err != nil {
		return ""
	}
	var claims map[string]json.RawMessage
	if json.Unmarshal(in.Claims, &claims) != nil || claims[name] == nil {
		return ""
	}
	return showMember(name, claims[name], time.Now())
}

func (a *app) printVerdict(v verdict) error {
	line := "valid"
	if !v.Valid {
		line = "not valid: " + v.Detail
	}
	r := result{doc: v, rows: [][]string{{line}}}
	if reason, ok := explain.Lookup(v.Reason); ok && a.terminal {
		r.note = reason.Cure
	}
	if err := a.print(r); err != nil {
		return err
	}
	if !v.Valid {
		return silent(exitNo)
	}
	return nil
}

// issuerKeys finds the issuer and where its keys are.
func (a *app) issuerKeys(ctx context.Context, f verifyFlags) (*enforce.Issuer, error) {
	name := f.issuer
	if name == "" {
		api, tenant, err := a.tenantAPI(ctx)
		if err != nil {
			return nil, err
		}
		t, err := api.Tenant(ctx, tenant)
		if err != nil {
			return nil, err
		}
		name = t.Issuer
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	m, err := a.metadata(ctx, name, f.http)
	if err != nil {
		return nil, err
	}
	return &enforce.Issuer{
		Name: name, InsecureUntyped: f.untyped,
		Keys: &enforce.RemoteKeySet{
			URL: m.JWKSURI, Client: a.httpClient(fetchTimeout), InsecureHTTP: f.http, Timeout: fetchTimeout,
		},
	}, nil
}

// metadata fetches an issuer's metadata from where RFC 8414 §3 puts it, else
// from where OpenID Discovery does.
func (a *app) metadata(ctx context.Context, issuer string, insecureHTTP bool) (*oauth.Metadata, error) { //nolint:revive // the flag is the user's
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, usage(fmt.Sprintf("the issuer %q is no URL", issuer), "--issuer https://auth.example.com")
	}
	if u.Scheme == "http" && !insecureHTTP && !loopbackHost(u.Hostname()) {
		return nil, usage("the issuer "+issuer+" is not https", "--insecure-http")
	}
	path := strings.TrimSuffix(u.Path, "/")
	base := u.Scheme + "://" + u.Host
	var m oauth.Metadata
	err = a.fetchJSON(ctx, base+"/.well-known/oauth-authorization-server"+path, &m)
	if status, ok := errors.AsType[badStatus](err); ok && status != http.StatusServiceUnavailable {
		err = a.fetchJSON(ctx, base+path+"/.well-known/openid-configuration", &m)
	}
	switch {
	case errors.Is(err, badStatus(http.StatusNotFound)):
		return nil, &failure{code: exitNotFound, what: "there is no metadata of the issuer " + issuer, fix: "check --issuer"}
	case err != nil:
		return nil, &failure{code: exitUnreachable, what: "the issuer's metadata cannot be had", why: err.Error(), fix: "check --issuer and the network"}
	case m.Issuer != issuer: // RFC 8414 §3.3
		return nil, &failure{code: exitNo, what: "the metadata at " + issuer + " is another issuer's", why: fmt.Sprintf("it says %q", m.Issuer)}
	case m.JWKSURI == "":
		return nil, &failure{code: exitFailed, what: "the issuer's metadata names no keys (jwks_uri)"}
	}
	return &m, nil
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// badStatus is an HTTP status that was not hoped for.
type badStatus int

func (s badStatus) Error() string { return fmt.Sprintf("the server answered %d", int(s)) }

// fetchJSON gets a document. Redirects are not followed.
func (a *app) fetchJSON(ctx context.Context, from string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	res, err := a.httpClient(fetchTimeout).Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return badStatus(res.StatusCode)
	}
	data, err := readBounded(res.Body, maxMetadata)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("the answer of %s is no metadata: %w", from, err)
	}
	return nil
}
