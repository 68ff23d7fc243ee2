package console

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/explain"
)

// Tokens says what a token is.
type Tokens interface {
	Inspect(ctx context.Context, tenant, token string) (*adminclient.TokenInfo, error)
}

// Owners says whose a secret is; mintage.ErrNotFound: nobody's.
type Owners interface {
	SecretOwner(ctx context.Context, secret string) (*mintage.SecretOwner, error)
}

func tokenRoutes() []route {
	return []route{
		{pattern: "GET /t/{tenant}/token", access: operator, scope: "tokens:read", handle: (*console).tokenTool},
		{pattern: "POST /t/{tenant}/token", access: operator, scope: "tokens:read", handle: (*console).lookAtToken},
		{pattern: "GET /t/{tenant}/token/revoke", access: operator, scope: "tokens:write", handle: (*console).askRevokeToken},
		{pattern: "POST /t/{tenant}/token/revoke", access: operator, scope: "tokens:write", handle: (*console).revokeToken},
	}
}

// maxToken bounds a token that is looked at, in bytes.
const maxToken = 16 << 10

// secretPrefix is how our secrets begin.
const secretPrefix = "mint_" // #nosec G101 -- a prefix

// tokenPage is the token tool.
type tokenPage struct {
	Looked  bool
	Header  string
	Claims  []claim
	Info    *adminclient.TokenInfo
	Reason  explain.Reason
	Client  *mintage.Client
	Of      string // tenant whose token it is; empty: none knows it
	Revoke  string // address; empty: it cannot be revoked
	Issued  string // address of the log about when it was issued; empty: that is not known
	JTI     string
	Secret  bool // whether a secret was pasted instead
	Owner   *mintage.SecretOwner
	Problem string
}

// claim is a member of a token with what it means.
type claim struct{ Name, Value, Meaning string }

// meanings say what claims mean.
var meanings = map[string]string{
	"iss": "who issued it", "sub": "whom it is about", "aud": "which APIs it is for", "exp": "when it ends", "iat": "when it was issued",
	"nbf": "before when it does not count", "jti": "its identifier", "client_id": "the client that got it", "scope": "what it allows",
	"scopes": "what it allows", "token_use": "that it is an access token, as Cognito says it", "version": "the version of its form, as Cognito says it",
	"cnf": "the key or certificate that it is bound to", "auth_time": "when the client proved itself",
}

func (c *console) tokenTool(context.Context, *request) (*answer, error) {
	return shown("token", "token", "Token tool", &tokenPage{}), nil
}

// lookAtToken says what was pasted. It stays in this process, and no log has it.
func (c *console) lookAtToken(ctx context.Context, q *request) (*answer, error) {
	text := strings.TrimSpace(q.text("token"))
	for _, scheme := range []string{"Bearer ", "DPoP "} {
		text = strings.TrimSpace(strings.TrimPrefix(text, scheme))
	}
	d := &tokenPage{Looked: true}
	a := shown("token", "token", "Token tool", d)
	a.secret = true
	switch {
	case text == "" || len(text) > maxToken || strings.ContainsAny(text, " \n\t"):
		d.Problem, d.Looked = "Paste one token, without anything around it.", false
		return a, nil
	case strings.HasPrefix(text, secretPrefix):
		return a, c.lookAtSecret(ctx, d, text)
	}
	d.Header, d.Claims, d.JTI = decodeJWT(text)
	if err := c.findToken(ctx, q, d, text); err != nil {
		return nil, err
	}
	return a, nil
}

// lookAtSecret says whose secret was pasted by mistake.
func (c *console) lookAtSecret(ctx context.Context, d *tokenPage, text string) error {
	d.Secret = true
	if c.cfg.Owners == nil {
		return nil
	}
	owner, err := c.cfg.Owners.SecretOwner(ctx, text)
	if errors.Is(err, mintage.ErrNotFound) {
		return nil
	}
	d.Owner = owner
	return err
}

// findToken asks the tenant of the page, and then those that the token says
// issued it, for what it is.
func (c *console) findToken(ctx context.Context, q *request, d *tokenPage, text string) error {
	if c.cfg.Tokens == nil {
		return nil
	}
	tenants, err := c.manager.Tenants(ctx, "", 0)
	if err != nil {
		return err
	}
	ids := []string{q.tenant.ID}
	for _, t := range tenants {
		if t.ID != q.tenant.ID && hasIssuer(d.Claims, t.Issuer) {
			ids = append(ids, t.ID)
		}
	}
	for _, id := range ids {
		info, err := c.cfg.Tokens.Inspect(ctx, id, text)
		if err != nil {
			return err
		}
		if info.Active || known(info.Reason) {
			d.Info, d.Of = info, id
			break
		}
		if d.Info == nil {
			d.Info = info
		}
	}
	d.Reason, _ = explain.Lookup(d.Info.Reason)
	if d.Info.Active && q.viewer.May("tokens:write") {
		d.JTI = d.Info.ID
		d.Revoke = link(d.Of, "token", "revoke") + "?" + url.Values{"jti": {d.Info.ID}, "client": {d.Info.ClientID}}.Encode()
	}
	if err := c.findHolder(ctx, d); err != nil {
		return err
	}
	d.Issued = c.issuedAt(q, d)
	return nil
}

// issuedAt is the address of the requests of a token's client about when it was
// issued, if the log goes back so far; empty: nobody can tell.
func (c *console) issuedAt(q *request, d *tokenPage) string {
	at := time.Unix(d.Info.IssuedAt, 0)
	if d.Info.IssuedAt == 0 {
		at = issueTime(d.Claims)
	}
	if d.Client == nil || at.Unix() <= 0 || !q.viewer.May("requests:read") {
		return ""
	}
	return link(d.Of, "clients", d.Client.ID, "requests") + "?" + url.Values{
		"outcome": {"issued"}, "since": {at.Add(-time.Second).UTC().Format(time.RFC3339)}, "until": {at.Add(2 * time.Second).UTC().Format(time.RFC3339)},
	}.Encode()
}

// issueTime is what the claims say of when a token was issued; the zero time:
// nothing.
func issueTime(claims []claim) time.Time {
	for _, cl := range claims {
		if cl.Name == "iat" {
			number, _, _ := strings.Cut(cl.Value, " ")
			if n, err := strconv.ParseInt(number, 10, 64); err == nil {
				return time.Unix(n, 0)
			}
		}
	}
	return time.Time{}
}

// findHolder reads the client that got the token.
func (c *console) findHolder(ctx context.Context, d *tokenPage) error {
	client := d.Info.ClientID
	for _, cl := range d.Claims {
		if cl.Name == "client_id" && client == "" {
			client = cl.Value
		}
	}
	if d.Of == "" || client == "" {
		return nil
	}
	holder, err := c.manager.Client(ctx, d.Of, client)
	if errors.Is(err, mintage.ErrNotFound) {
		return nil
	}
	d.Client = holder
	return err
}

// known reports whether a tenant that says this of a token had issued it.
func known(reason string) bool { return reason == "token.expired" || reason == "token.revoked" }

// hasIssuer reports whether the claims say that issuer.
func hasIssuer(claims []claim, issuer string) bool {
	return slices.ContainsFunc(claims, func(c claim) bool { return c.Name == "iss" && c.Value == issuer })
}

// decodeJWT returns the header and the claims of what has the form of a JWT,
// and its jti. Nothing is believed of it.
func decodeJWT(text string) (header string, claims []claim, jti string) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return "", nil, ""
	}
	h, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return "", nil, ""
	}
	var buf bytes.Buffer
	if json.Indent(&buf, h, "", "  ") != nil {
		return "", nil, ""
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", nil, ""
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal(body, &raw) != nil {
		return "", nil, ""
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		v := claim{Name: name, Value: string(raw[name]), Meaning: meanings[name]}
		var s string
		var n int64
		switch {
		case json.Unmarshal(raw[name], &s) == nil:
			v.Value = s
		case (name == "exp" || name == "iat" || name == "nbf" || name == "auth_time") && json.Unmarshal(raw[name], &n) == nil:
			v.Value += " = " + time.Unix(n, 0).UTC().Format("2006-01-02 15:04:05") + " UTC"
		}
		if name == "jti" {
			jti = s
		}
		claims = append(claims, v)
	}
	return buf.String(), claims, jti
}

// tokenQuestion asks before the token with a jti ends.
func (c *console) tokenQuestion(ctx context.Context, q *request, jti, client string) (*ask, error) {
	if jti == "" || len(jti) > 256 || len(client) > 256 {
		return nil, &mintage.FieldError{Message: "which token is meant, the form does not say"}
	}
	at := link(q.tenant.ID, "token")
	return &ask{
		Title: "End the token " + jti, Nav: "token", Action: at + "/revoke", Button: "End it", Back: at, Type: q.typed(q.tenant.ID),
		Text:   "Whoever follows revocations or introspects refuses it from now on. An API that does neither takes it until it ends by itself.",
		Hidden: []hidden{{"jti", jti}, {"client", client}},
		Copy: &copyAs{
			CLI:  command("token", "revoke", "--jti", jti, "--tenant", q.tenant.ID),
			Curl: c.call(ctx, http.MethodPost, "/tenants/"+q.tenant.ID+"/tokens/revoke", map[string]string{"jti": jti}),
		},
	}, nil
}

func (c *console) askRevokeToken(ctx context.Context, q *request) (*answer, error) {
	k, err := c.tokenQuestion(ctx, q, q.query("jti"), q.query("client"))
	if err != nil {
		return nil, err
	}
	return k.page(), nil
}

// revokeToken ends the token with a jti.
func (c *console) revokeToken(ctx context.Context, q *request) (*answer, error) {
	k, err := c.tokenQuestion(ctx, q, q.text("jti"), q.text("client"))
	if err != nil {
		return nil, err
	}
	return k.carriedOut(q, "The token has ended. Whoever follows revocations refuses it.", func() error {
		return c.manager.RevokeToken(ctx, q.by(), q.tenant.ID, q.text("jti"), q.text("client"), time.Time{})
	})
}
