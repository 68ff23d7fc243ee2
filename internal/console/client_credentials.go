package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

func credentialRoutes() []route {
	const at, write = "/t/{tenant}/clients/{id}", "clients:write"
	return []route{
		{pattern: "GET " + at + "/credentials", access: member, scope: "clients:read", handle: (*console).credentials},
		{pattern: "GET " + at + "/rotate", access: member, scope: write, handle: (*console).askRotate},
		{pattern: "POST " + at + "/rotate", access: member, scope: write, handle: (*console).rotate},
		{pattern: "GET " + at + "/rotate/complete", access: member, scope: write, handle: (*console).askCompleteRotation},
		{pattern: "GET " + at + "/rotate/cancel", access: member, scope: write, handle: (*console).askCancelRotation},
		{pattern: "GET " + at + "/secrets/{secret}/pause", access: member, scope: write, handle: (*console).askPauseSecret},
		{pattern: "POST " + at + "/rotate/complete", access: member, scope: write, handle: (*console).completeRotation},
		{pattern: "POST " + at + "/rotate/cancel", access: member, scope: write, handle: (*console).cancelRotation},
		{pattern: "GET " + at + "/secrets/new", access: member, scope: write, handle: (*console).askSecret},
		{pattern: "POST " + at + "/secrets", access: member, scope: write, handle: (*console).addSecret},
		{pattern: "GET " + at + "/secrets/{secret}/revoke", access: member, scope: write, handle: (*console).askRevokeSecret},
		{pattern: "POST " + at + "/secrets/{secret}/revoke", access: member, scope: write, handle: (*console).revokeSecret},
		{pattern: "POST " + at + "/secrets/{secret}/pause", access: member, scope: write, handle: (*console).pauseSecret},
	}
}

// secretRow is a secret as the table shows it.
type secretRow struct {
	mintage.Secret
	State, Kind string // active, retiring, paused, expired or revoked, and how that looks
	Live        bool
	Left        time.Duration // until it ends; zero: it does not, or has
}

// credentialsTab is the tab of secrets and keys.
type credentialsTab struct {
	Secrets []secretRow
	// BySecret says that a secret is of use to the client, and Keys are the public
	// keys that are registered for it.
	BySecret bool
	Keys     []publicKey
	// Retiring are the secrets whose time is running out while the client still
	// uses them.
	Late []secretRow
	// Rotating says that a rotation is under way, that can be completed or
	// cancelled.
	Rotating bool
}

// publicKey is what a page says of a client's key.
type publicKey struct {
	KeyID string `json:"kid"`
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	Alg   string `json:"alg"`
}

func publicKeysOf(cl *mintage.Client) []publicKey {
	var set struct {
		Keys []publicKey `json:"keys"`
	}
	if cl.JWKS == "" || json.Unmarshal([]byte(cl.JWKS), &set) != nil {
		return nil // what is kept was checked
	}
	return set.Keys
}

func rowOfSecret(s mintage.Secret, now time.Time) secretRow {
	r := secretRow{Secret: s, Live: s.Live(now), State: "active", Kind: "good"}
	if r.Live && !s.Expires.IsZero() {
		r.Left = s.Expires.Sub(now)
	}
	switch {
	case !s.Revoked.IsZero():
		r.State, r.Kind = "revoked", "bad"
	case !r.Live && !s.Retiring.IsZero():
		r.State, r.Kind = "retired", "plain"
	case !r.Live:
		r.State, r.Kind = "expired", "bad"
	case s.Paused(now):
		r.State, r.Kind = "paused", "warn"
	case s.Retires(now):
		r.State, r.Kind = "retiring", "warn"
	}
	return r
}

// lastTenth reports whether a retiring secret is still used when no more than a
// tenth of its overlap is left.
func (r *secretRow) lastTenth() bool {
	return r.State == "retiring" && r.LastUsed.After(r.Retiring) && r.Left*10 <= r.Expires.Sub(r.Retiring)
}

func (c *console) credentials(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	now := c.cfg.Now()
	d := &credentialsTab{BySecret: cl.AuthenticatesBySecret(), Keys: publicKeysOf(cl)}
	for _, s := range slices.Backward(cl.Secrets) { // newest first
		r := rowOfSecret(s, now)
		d.Secrets = append(d.Secrets, r)
		d.Rotating = d.Rotating || r.Live && r.State == "retiring" && r.Successor != ""
		if r.lastTenth() {
			d.Late = append(d.Late, r)
		}
	}
	return c.clientTab(q, cl, "credentials", d), nil
}

// secretForm is the form of a rotation and of a secret more.
type secretForm struct {
	Problems        problems
	Client          *mintage.Client
	Title, Text     string
	Action, Button  string
	Mark, Name      string
	Rotation        bool
	Overlap, Custom string
	Overlaps        []option
	Expires         []option
	Type            string
	Back            string
	Copy            *copyAs
}

// secretQuestion makes the form, filled in as it was sent.
func (c *console) secretQuestion(ctx context.Context, q *request, cl *mintage.Client, rotation bool) *secretForm { //nolint:revive // the two forms are one but for the overlap
	at := link(q.tenant.ID, "clients", cl.ID)
	f := &secretForm{
		Problems: problems{}, Client: cl, Mark: cmp.Or(q.text("mark"), c.once.mark()), Name: q.text("secret_name"), Back: at + "/credentials",
		Title: "Add a secret to " + cl.Name, Action: at + "/secrets", Button: "Add secret",
		Text: "Another secret beside those that it has. To replace one, rotate it.",
	}
	f.Expires = options(q.text("expires"), "", defaultExpiry(q.tenant), "30", "in 30 days", "90", "in 90 days", "180", "in 180 days", "365", "in a year", "never", "never, until somebody revokes it")
	if !rotation {
		f.Copy = c.asAdded(ctx, cl, readExpiry(q, problems{}))
		return f
	}
	own := cmp.Or(q.tenant.SecretOverlap, mintage.DefaultSecretOverlap)
	f.Rotation, f.Title, f.Action, f.Button = true, "Rotate the secret of "+cl.Name, at+"/rotate", "Rotate"
	f.Text = "A new secret that works at once. Those before it go on working for the overlap, and then end by themselves."
	f.Overlap, f.Custom, f.Type = cmp.Or(q.text("overlap"), apply.Duration(own).String()), q.text("custom"), q.typed(cl.Name)
	f.Overlaps = options(f.Overlap, "0s", "none: they end now", "1h", "1 hour", "24h", "24 hours", "7d", "7 days", "custom", "another")
	if usual := apply.Duration(own).String(); usual != "1d" && usual != "1h" && usual != "7d" {
		f.Overlaps = append([]option{{Value: usual, Text: span(own) + ", as the tenant says", Selected: f.Overlap == usual}}, f.Overlaps...)
	} else if usual == "1d" && f.Overlap == "1d" {
		f.Overlaps[2].Selected = true
	}
	overlap := readOverlap(q, problems{})
	if overlap == nil {
		overlap = &own
	}
	f.Copy = c.asRotated(ctx, cl, readExpiry(q, problems{}), *overlap)
	return f
}

// secretWords are the flags that say how a new secret is, and the document that
// does.
func secretWords(s manage.NewSecret) (words []string, doc adminclient.NewSecret) {
	if s.Name != "" {
		words = append(words, "--name", s.Name)
	}
	switch {
	case s.Forever:
		words = append(words, "--expires", "never")
	case s.Lifetime > 0:
		words = append(words, "--expires", fileDuration(s.Lifetime))
	}
	return words, adminclient.NewSecret{Name: s.Name, ExpiresIn: int64(s.Lifetime.Seconds()), NoExpiry: s.Forever}
}

// asAdded says how a secret is added elsewhere.
func (c *console) asAdded(ctx context.Context, cl *mintage.Client, s manage.NewSecret) *copyAs {
	words, doc := secretWords(s)
	return &copyAs{
		CLI:  command(append([]string{"client", "secret", "add", cl.ID, "--tenant", cl.Tenant}, words...)...),
		Curl: c.call(ctx, http.MethodPost, clientPath(cl, "secrets"), doc),
	}
}

// asRotated says how a secret is rotated elsewhere.
func (c *console) asRotated(ctx context.Context, cl *mintage.Client, s manage.NewSecret, overlap time.Duration) *copyAs {
	words, doc := secretWords(s)
	seconds := int64(overlap.Seconds())
	lasts := "0s"
	if overlap > 0 {
		lasts = fileDuration(overlap)
	}
	return &copyAs{
		CLI:  command(append([]string{"client", "rotate", cl.ID, "--tenant", cl.Tenant, "--overlap", lasts}, words...)...),
		Curl: c.call(ctx, http.MethodPost, clientPath(cl, "rotate"), adminclient.SecretRotation{NewSecret: doc, Overlap: &seconds}),
	}
}

func (f *secretForm) page(status int) *answer {
	a := shown("secret-form", "clients", f.Title, f)
	a.status = status
	return a
}

func (c *console) askRotate(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.secretQuestion(ctx, q, cl, true).page(http.StatusOK), nil
}

func (c *console) askSecret(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	return c.secretQuestion(ctx, q, cl, false).page(http.StatusOK), nil
}

func (c *console) rotate(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	f := c.secretQuestion(ctx, q, cl, true)
	if q.previews() {
		return elsewhere("clients", f.Copy), nil
	}
	r := manage.Rotation{NewSecret: readExpiry(q, f.Problems)}
	if f.Type != "" && q.text("confirm") != f.Type {
		f.Problems.add("", "That is not "+f.Type+". Nothing was changed.")
	}
	overlap := readOverlap(q, f.Problems)
	r.Overlap = overlap
	return c.makeSecret(ctx, q, f, "The secret of "+cl.Name+" is rotated", func() (*manage.Credentials, error) {
		return c.manager.RotateSecret(ctx, q.by(), cl.Tenant, cl.ID, r)
	})
}

// readOverlap reads how long the old secrets live on; nil: the tenant's usual.
func readOverlap(q *request, p problems) *time.Duration {
	s := q.text("overlap")
	if s == "custom" {
		s = q.text("custom")
	}
	var d time.Duration
	switch s {
	case "":
		return nil
	case "0s":
	default:
		var err error
		if d, err = yamlfile.ParseDuration(s); err != nil {
			p.add("custom", "A number with d, h, m or s behind it, such as 36h.")
		}
	}
	return &d
}

func (c *console) addSecret(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	f := c.secretQuestion(ctx, q, cl, false)
	if q.previews() {
		return elsewhere("clients", f.Copy), nil
	}
	s := readExpiry(q, f.Problems)
	return c.makeSecret(ctx, q, f, "A secret more for "+cl.Name, func() (*manage.Credentials, error) {
		return c.manager.AddSecret(ctx, q.by(), cl.Tenant, cl.ID, s)
	})
}

// makeSecret makes the secret that a form asks for and shows it, or the form
// again.
func (c *console) makeSecret(ctx context.Context, q *request, f *secretForm, title string, do func() (*manage.Credentials, error)) (*answer, error) {
	if len(f.Problems) > 0 {
		return f.page(http.StatusUnprocessableEntity), nil
	}
	if !c.once.first(f.Mark) {
		return errorPage(http.StatusConflict, "Made already", "This form was sent before, and its secret was shown then. If it is lost, revoke it and make another."), nil
	}
	made, err := do()
	if err != nil {
		c.once.again(f.Mark)
		if f.Problems = problemsOf(err, map[string]string{"name": "secret_name", "expires_in": "expires", "overlap": "custom"}); f.Problems == nil {
			return nil, err
		}
		return f.page(http.StatusUnprocessableEntity), nil
	}
	d, err := c.revealed(ctx, q, made, title)
	if err != nil {
		return nil, err
	}
	d.After = f.Back
	for _, s := range made.Client.Secrets {
		if s.Successor == made.Label.ID && s.Retires(c.cfg.Now()) {
			d.Old = append(d.Old, s)
		}
	}
	return revealPage(d), nil
}
