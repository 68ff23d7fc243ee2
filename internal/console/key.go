package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

func keyRoutes() []route {
	const at = "/t/{tenant}/keys"
	return []route{
		{pattern: "GET " + at, access: operator, scope: "keys:read", handle: (*console).keys},
		{pattern: "POST " + at + "/test", access: operator, scope: "keys:read", handle: (*console).testJWKS},
		{pattern: "GET " + at + "/rotate", access: operator, scope: "keys:write", handle: (*console).askRotateKey},
		{pattern: "POST " + at + "/rotate", access: operator, scope: "keys:write", handle: (*console).rotateKey},
		{pattern: "GET " + at + "/{kid}/kill", access: operator, scope: "keys:write", handle: (*console).askKillKey},
		{pattern: "POST " + at + "/{kid}/kill", access: operator, scope: "keys:write", handle: (*console).killKey},
	}
}

// keyWait is how long a new key is published before it signs, unless somebody
// says another wait: readers of the key set keep it for so long.
const keyWait = time.Hour

// keyRow is a signing key as the table shows it.
type keyRow struct {
	*mintage.SigningKey
	State, Kind string
	Due         time.Time // when the server replaces it; zero: it has an end already
	// Tokens says how many of its tokens are out, where that is known: a key that
	// did not sign yet has none, and neither has one whose last has ended.
	Tokens string
}

// keyPage is the page of keys.
type keyPage struct {
	Rows   []keyRow
	JWKS   string
	Test   string // empty: not offered
	Answer *jwksAnswer
	Gone   int
	All    string
}

// jwksAnswer is what came of fetching the key set.
type jwksAnswer struct {
	Status  int
	KIDs    []string
	Age     time.Duration // that readers may keep it
	Missing []string
	OK      bool
}

func (c *console) keyRows(ctx context.Context, q *request) ([]keyRow, error) {
	ks, err := c.manager.SigningKeys(ctx, q.tenant.ID)
	if err != nil {
		return nil, err
	}
	now := c.cfg.Now()
	look := map[mintage.KeyState]string{mintage.KeyNext: "plain", mintage.KeyActive: "good", mintage.KeyRetiring: "warn", mintage.KeyGone: "plain"}
	var rows []keyRow
	for _, k := range slices.Backward(ks) {
		s := k.State(now)
		r := keyRow{SigningKey: k, State: string(s), Kind: look[s], Due: c.manager.KeyDueAt(q.tenant, k), Tokens: "not counted"}
		if s == mintage.KeyNext || s == mintage.KeyGone {
			r.Tokens = "none"
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (c *console) keys(ctx context.Context, q *request) (*answer, error) {
	d, err := c.keyPage(ctx, q)
	if err != nil {
		return nil, err
	}
	return shown("keys", "keys", "Keys", d), nil
}

func (c *console) keyPage(ctx context.Context, q *request) (*keyPage, error) {
	rows, err := c.keyRows(ctx, q)
	if err != nil {
		return nil, err
	}
	d := &keyPage{JWKS: q.tenant.Issuer + "/.well-known/jwks.json"}
	for _, r := range rows {
		if r.State == string(mintage.KeyGone) && q.query("all") == "" {
			d.Gone++
			continue
		}
		d.Rows = append(d.Rows, r)
	}
	if d.Gone > 0 {
		d.All = link(q.tenant.ID, "keys") + "?all=1"
	}
	if c.cfg.Public != nil && q.tenant.ID != mintage.BuiltInTenant {
		d.Test = link(q.tenant.ID, "keys", "test")
	}
	return d, nil
}

// testJWKS fetches the key set as any API would, and compares it with the keys.
func (c *console) testJWKS(ctx context.Context, q *request) (*answer, error) {
	d, err := c.keyPage(ctx, q)
	if err != nil {
		return nil, err
	}
	if d.Test == "" {
		return nil, mintage.ErrNotFound
	}
	h, err := c.fetch(ctx, q, d.JWKS)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	a := &jwksAnswer{Status: h.status, Age: maxAge(h.header.Get("Cache-Control"))}
	a.OK = h.status == http.StatusOK && json.Unmarshal(h.body.Bytes(), &set) == nil
	for _, k := range set.Keys {
		a.KIDs = append(a.KIDs, k.KID)
	}
	for _, r := range d.Rows {
		if r.State != string(mintage.KeyGone) && len(r.JWK) > 0 && !slices.Contains(a.KIDs, r.ID) {
			a.Missing = append(a.Missing, r.ID)
		}
	}
	a.OK = a.OK && len(a.Missing) == 0
	d.Answer = a
	return shown("keys", "keys", "Keys", d), nil
}

// maxAge is how long an answer may be kept; zero: not at all, or it does not say.
func maxAge(control string) time.Duration {
	for part := range strings.SplitSeq(control, ",") {
		if s, ok := strings.CutPrefix(strings.TrimSpace(part), "max-age="); ok {
			if n, err := strconv.Atoi(s); err == nil && n > 0 {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}

// keyForm is the form of a rotation.
type keyForm struct {
	Problems problems
	Algs     []option
	Wait     string
	Action   string
	Back     string
	Type     string
	Copy     *copyAs
}

func (c *console) keyQuestion(ctx context.Context, q *request) *keyForm {
	at := link(q.tenant.ID, "keys")
	f := &keyForm{Wait: fileDuration(keyWait), Action: at + "/rotate", Back: at, Type: q.typed(q.tenant.ID)}
	alg := q.text("alg")
	if q.r.Method == http.MethodPost {
		f.Wait = q.text("wait")
	}
	f.Algs = options(alg, "", "the tenant's default")
	for _, a := range append(mintage.SigningAlgs(), mintage.SealingAlg) {
		f.Algs = append(f.Algs, option{Value: a, Text: a, Selected: a == alg})
	}
	wait, err := readWait(f.Wait)
	if err != nil {
		wait = keyWait
	}
	f.Copy = c.asKeyRotated(ctx, q.tenant.ID, alg, wait)
	return f
}

// asKeyRotated says how a key is rotated elsewhere.
func (c *console) asKeyRotated(ctx context.Context, tenant, alg string, wait time.Duration) *copyAs {
	lasts := "0s"
	if wait > 0 {
		lasts = fileDuration(wait)
	}
	words := []string{"key", "rotate", "--wait", lasts, "--tenant", tenant}
	seconds := int64(wait.Seconds())
	doc := adminclient.KeyRotation{Alg: alg, Wait: &seconds}
	if alg != "" {
		words = append(words, "--alg", alg)
	}
	return &copyAs{CLI: command(words...), Curl: c.call(ctx, http.MethodPost, "/tenants/"+tenant+"/keys/rotate", doc)}
}

// readWait reads how long a key is published before it signs.
func readWait(s string) (time.Duration, error) {
	if s == "" || s == "0" || s == "0s" {
		return 0, nil
	}
	return yamlfile.ParseDuration(s)
}

func (c *console) askRotateKey(ctx context.Context, q *request) (*answer, error) {
	return shown("key-rotate", "keys", "Rotate a key", c.keyQuestion(ctx, q)), nil
}

func (c *console) rotateKey(ctx context.Context, q *request) (*answer, error) {
	f := c.keyQuestion(ctx, q)
	if q.previews() {
		return elsewhere("keys", f.Copy), nil
	}
	p := problems{}
	wait, err := readWait(f.Wait)
	if err != nil {
		p.add("wait", "A number with d, h, m or s behind it, such as 1h, or 0.")
	}
	if f.Type != "" && q.text("confirm") != f.Type {
		p.add("", "That is not "+f.Type+". Nothing was changed.")
	}
	if len(p) == 0 {
		k, err := c.manager.RotateKey(ctx, q.by(), q.tenant.ID, q.text("alg"), wait)
		if err == nil {
			return gone(f.Back, "The key "+k.ID+" is published, and signs "+momentOf(k.SignsFrom, c.cfg.Now()).Said+"."), nil
		}
		if p = problemsOf(err, map[string]string{"alg": "alg", "wait": "wait"}); p == nil {
			return nil, err
		}
	}
	f.Problems = p
	return again("key-rotate", "keys", "Rotate a key", f), nil
}

// killQuestion asks before a key is killed.
func (c *console) killQuestion(ctx context.Context, q *request) (*ask, error) {
	ks, err := c.manager.SigningKeys(ctx, q.tenant.ID)
	if err != nil {
		return nil, err
	}
	kid := q.value("kid")
	i := slices.IndexFunc(ks, func(k *mintage.SigningKey) bool { return k.ID == kid })
	if i < 0 {
		return nil, mintage.ErrNotFound
	}
	return &ask{
		Title: "Kill the key " + kid, Nav: "keys", Action: link(q.tenant.ID, "keys", kid, "kill"), Button: "Kill it now", Back: link(q.tenant.ID, "keys"), Type: q.typed(kid),
		Text: "For an emergency: it neither signs nor verifies any more, its private half is destroyed, and every token that it signed ends. Another key takes over. To replace it without harm, rotate.",
		Copy: &copyAs{
			CLI:  command("key", "kill", kid, "--tenant", q.tenant.ID),
			Curl: c.call(ctx, http.MethodPost, "/tenants/"+q.tenant.ID+"/keys/"+kid+"/kill", nil),
		},
	}, nil
}

func (c *console) askKillKey(ctx context.Context, q *request) (*answer, error) {
	k, err := c.killQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	return k.page(), nil
}

func (c *console) killKey(ctx context.Context, q *request) (*answer, error) {
	k, err := c.killQuestion(ctx, q)
	if err != nil {
		return nil, err
	}
	if a := k.unconfirmed(q); a != nil {
		return a, nil
	}
	killed, err := c.manager.KillKey(ctx, q.by(), q.tenant.ID, q.value("kid"))
	if err != nil {
		if a := k.failing(err); a != nil {
			return a, nil
		}
		return nil, err
	}
	done := "The key is dead, and its tokens have ended."
	if killed.Heir != nil {
		done += " The key " + killed.Heir.ID + " takes over."
	}
	return gone(k.Back, done), nil
}
