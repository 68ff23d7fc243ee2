package console_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html"
	"image"
	"image/draw"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	qr "github.com/piglig/go-qr"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/console"
	"github.com/mintage-auth/mintage/internal/manage"
	accounts "github.com/mintage-auth/mintage/internal/people"
	"github.com/mintage-auth/mintage/internal/store"
)

const goodPassword = "four words, no rhyme"

// withAccounts gives the console real sign-ins.
func (w *world) withAccounts(tb testing.TB) *accounts.Service {
	tb.Helper()
	s, err := accounts.New(accounts.Config{
		Store: w.manager.Store, Manager: w.manager, Vault: w.manager.Vault, Secrets: w.manager.Secrets,
		URL: "http://127.0.0.1:9401/console", Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	w.configure(tb, func(cfg *console.Config) { cfg.Accounts, cfg.People = s, console.Sessions{Service: s} })
	return s
}

var (
	sealedField = regexp.MustCompile(`name="sealed" value="([^"]+)"`)
	keyShown    = regexp.MustCompile(`data-copy="([A-Z2-7]{32})"`)
)

// app is an authenticator app that was shown a page with a key.
func app(tb testing.TB, page *reply) (key []byte, sealed string) {
	tb.Helper()
	k, s := keyShown.FindStringSubmatch(page.Body), sealedField.FindStringSubmatch(page.Body)
	if k == nil || s == nil {
		tb.Fatalf("%d, no key on the page: %s", page.Code, page.content())
	}
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(k[1])
	if err != nil {
		tb.Fatal(err)
	}
	return key, html.UnescapeString(s[1])
}

// code is what the app shows (RFC 6238).
func code(key []byte, at time.Time) string {
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

// session returns the cookie of a session that an answer begins.
func (r *reply) session(tb testing.TB) string {
	tb.Helper()
	for _, c := range r.cookie {
		if c.Name == console.SessionCookie && c.Value != "" {
			if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
				tb.Errorf("AD-04: the cookie %v is open to others", c)
			}
			return c.Value
		}
	}
	tb.Fatalf("%d, no session begins: %s", r.Code, r.content())
	return ""
}

func path(link string) string {
	u, _ := url.Parse(link)
	return u.Path
}

// join accepts a link on its page, as a browser without a script does.
func (w *world) join(tb testing.TB, link, email string) (key []byte, cookie string) {
	tb.Helper()
	page := w.get(tb, nobody, path(link))
	key, sealed := app(tb, page)
	r := w.post(tb, nobody, path(link), url.Values{
		"email": {email}, "name": {"N. N."}, "password": {goodPassword}, "password2": {goodPassword}, "sealed": {sealed}, "code": {code(key, w.now)},
	})
	if r.Code != http.StatusSeeOther || r.To != "/console/" {
		tb.Fatalf("got %d to %q: %s", r.Code, r.To, r.content())
	}
	return key, r.session(tb)
}

func TestFirstRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	l, err := w.manager.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := path(s.LinkURL(l))
	page := w.get(t, nobody, at)
	page.want(t, 200, "Make the first owner", "otpauth://totp/", "data-passkey=\"create\"")
	key, sealed := app(t, page)
	wrong := w.post(t, nobody, at, url.Values{
		"email": {"Ada@example.com"}, "name": {`<script>alert(1)</script>`}, "password": {"short"}, "password2": {"short"}, "sealed": {sealed}, "code": {"000000"},
	})
	wrong.want(t, 422, "at least 12 characters", "this is not the code", "Ada@example.com")
	wrong.lacks(t, "<script>alert", `value="short"`)
	if again, _ := app(t, wrong); string(again) != string(key) {
		t.Error("a form that is wrong shows another key")
	}
	w.post(t, nobody, at, url.Values{
		"email": {"a@b.c"}, "password": {goodPassword}, "password2": {"another"}, "sealed": {sealed}, "code": {code(key, w.now)},
	}).want(t, 422, "The two are not the same")
	_, cookie := w.join(t, s.LinkURL(l), "Ada@example.com")
	w.get(t, cookie, "/console/t/hotel/clients").want(t, 200, "ada@example.com", "owner")
	for _, again := range []*reply{w.get(t, nobody, at), w.post(t, nobody, at, url.Values{"email": {"thief@example.com"}, "sealed": {sealed}})} {
		again.want(t, 404, "This link works no more")
	}
	w.get(t, nobody, "/console/setup/guess").want(t, 404, "This link works no more")
	if w.log.Len() == 0 || strings.Contains(w.log.String(), l.Token) {
		t.Error("the log holds the link, or nothing")
	}
}

// first makes the first owner.
func (w *world) first(tb testing.TB, s *accounts.Service) (key []byte, cookie string) {
	tb.Helper()
	l, err := w.manager.SetupLink(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return w.join(tb, s.LinkURL(l), "ada@example.com")
}

func TestSignInPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	key, first := w.first(t, s)
	w.now = w.now.Add(time.Minute)
	form := func(email, password, code, next string) url.Values {
		return url.Values{"email": {email}, "password": {password}, "code": {code}, "next": {next}}
	}
	w.get(t, nobody, "/console/sign-in?next=/console/account").want(t, 200, "Sign in", `value="/console/account"`, "passkey.")
	for _, f := range []url.Values{form("ada@example.com", "wrong", code(key, w.now), ""), form(`"><script>x</script>`, goodPassword, "1", "")} {
		r := w.post(t, nobody, "/console/sign-in", f)
		r.want(t, 422, "That is not right")
		r.lacks(t, "<script>x", "wrong\"")
		if len(r.cookie) != 0 {
			t.Errorf("a wrong attempt sets %v", r.cookie)
		}
	}
	// AD-05: whatever the browser had, it gets a new session, and the old one ends.
	r := w.post(t, first, "/console/sign-in", form("ada@example.com", goodPassword, code(key, w.now), "//evil.example"))
	second := r.session(t)
	if r.To != "/console/" || second == first {
		t.Errorf("to %q", r.To)
	}
	if r := w.get(t, first, "/console/account"); r.Code != 303 {
		t.Errorf("the session before: %d", r.Code)
	}
	w.now = w.now.Add(time.Minute)
	planted := w.post(t, "planted", "/console/sign-in", form("ada@example.com", goodPassword, code(key, w.now), "/console/account"))
	if planted.session(t) == "planted" || planted.To != "/console/account" {
		t.Errorf("a planted cookie became a session, or to %q", planted.To)
	}
	out := w.post(t, second, "/console/sign-out", nil)
	if out.To != "/console/sign-in" || len(out.cookie) == 0 || out.cookie[0].MaxAge >= 0 {
		t.Errorf("signed out to %q with %v", out.To, out.cookie)
	}
	if r := w.get(t, second, "/console/account"); r.Code != 303 {
		t.Errorf("AD-05: after signing out: %d", r.Code)
	}
	for range 30 {
		w.post(t, nobody, "/console/sign-in/passkey/finish", url.Values{"sealed": {"x"}, "answer": {"{}"}})
	}
	limited := w.post(t, nobody, "/console/sign-in/passkey/finish", url.Values{"sealed": {"x"}, "answer": {"{}"}})
	var told struct{ Problem string }
	if err := json.Unmarshal([]byte(limited.Body), &told); limited.Code != 429 || err != nil || told.Problem == "" {
		t.Errorf("AD-10: got %d %q", limited.Code, limited.Body)
	}
	// AD-06: another site signs nobody in or out.
	for _, p := range []string{"/console/sign-in", "/console/sign-out", "/console/account/password"} {
		if r := w.post(t, second, p, nil, "Sec-Fetch-Site", "cross-site"); r.Code != 403 {
			t.Errorf("%s from another site: %d", p, r.Code)
		}
	}
}

func TestPeoplePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	_, boss := w.first(t, s)
	const at = "/console/t/hotel/operators"
	w.get(t, boss, at).want(t, 200, "ada@example.com", "Invite")
	w.get(t, boss, at+"/invite").want(t, 200, "Acme alone", "Owner: everything")
	w.post(t, boss, at+"/invite", url.Values{"email": {"nothing"}, "role": {"viewer"}}).want(t, 422, "write one e-mail address")
	invite := func(who string, form url.Values) string {
		t.Helper()
		r := w.post(t, who, at+"/invite", form)
		m := regexp.MustCompile(`http://127\.0\.0\.1:9401/console/invitation/[0-9A-Za-z]{43}`).FindString(r.Body)
		if m == "" {
			t.Fatalf("%d, no link: %s", r.Code, r.content())
		}
		return m
	}
	link := invite(boss, url.Values{"email": {"mia@example.com"}, "role": {"admin"}, "organization": {"acme"}})
	w.get(t, boss, at).want(t, 200, "mia@example.com", "Take back")
	w.get(t, nobody, path(link)).want(t, 200, "You are invited", "Acme", "mia@example.com")
	_, mia := w.join(t, link, "ignored@example.com")
	zed := invite(boss, url.Values{"email": {"zed@example.com"}, "role": {"viewer"}, "organization": {"zenith"}})
	_, zedCookie := w.join(t, zed, "")

	list := w.get(t, mia, at)
	list.want(t, 200, "mia@example.com", "Who belongs to your organization")
	list.lacks(t, "ada@example.com", "zed@example.com", "zenith")
	w.get(t, mia, "/console/t/hotel/clients").want(t, 200, "People")
	ids := map[string]string{}
	all, err := w.manager.Operators(t.Context(), manage.Server(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		ids[o.Email] = o.ID
	}
	for _, other := range []string{"ada@example.com", "zed@example.com"} {
		p := at + "/" + ids[other]
		w.get(t, mia, p).want(t, 404)
		w.post(t, mia, p, url.Values{"role": {"viewer"}}).want(t, 404)
		w.post(t, mia, p+"/sessions", nil).want(t, 404)
		w.post(t, mia, p+"/delete", nil).want(t, 404)
		w.post(t, mia, p+"/recover", nil).want(t, 404)
	}
	w.get(t, zedCookie, at).want(t, 403)
	w.get(t, mia, "/console/t/other/operators").want(t, 404)

	eve := invite(mia, url.Values{"email": {"eve@example.com"}, "role": {"developer"}, "organization": {"zenith"}})
	w.get(t, nobody, path(eve)).want(t, 200, "Acme") // their own, whatever the form says
	_, eveCookie := w.join(t, eve, "")
	o, err := w.manager.Store.OperatorByEmail(t.Context(), "eve@example.com")
	if err != nil {
		t.Fatal(err)
	}
	w.get(t, mia, at+"/"+o.ID).want(t, 200, "eve@example.com", "Take out")
	w.post(t, mia, at+"/"+o.ID, url.Values{"role": {"viewer"}})
	w.post(t, mia, at+"/"+o.ID, url.Values{"role": {"owner"}}).want(t, 422)
	w.get(t, eveCookie, "/console/t/hotel/clients").want(t, 200, "You are a viewer")
	w.post(t, mia, at+"/"+o.ID+"/delete", nil)
	if r := w.get(t, eveCookie, "/console/t/hotel/clients"); r.Code != 303 {
		t.Errorf("without any place: %d", r.Code)
	}

	w.post(t, boss, at+"/"+ids["mia@example.com"], url.Values{"disable": {"1"}})
	if r := w.get(t, mia, at); r.Code != 303 {
		t.Errorf("AD-11: disabled: %d", r.Code)
	}
	w.post(t, boss, at+"/"+ids["ada@example.com"], url.Values{"disable": {"1"}}).want(t, 422, "there would be no owner")
	w.get(t, boss, at+"/"+ids["zed@example.com"]).want(t, 200, "zenith", "password and code", "192.0.2.7")
	w.post(t, boss, at+"/"+ids["zed@example.com"]+"/sessions", nil)
	if r := w.get(t, zedCookie, "/console/"); r.To != "/console/sign-in" {
		t.Errorf("signed out by an owner: to %q", r.To)
	}
	w.post(t, boss, at+"/"+ids["zed@example.com"]+"/recover", nil).want(t, 200, "/console/recover/")
}

func TestAccountPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	key, cookie := w.first(t, s)
	page := w.get(t, cookie, "/console/account", "User-Agent", "Firefox")
	page.want(t, 200, "Password and code", "this one", "Add a passkey")
	fresh, sealed := app(t, page)
	id := regexp.MustCompile(`name="id" value="(op_[0-9A-Za-z]+)"`).FindStringSubmatch(page.Body)
	if id == nil {
		t.Fatal("nothing to remove")
	}
	w.post(t, cookie, "/console/account/remove", url.Values{"kind": {"password"}, "id": {id[1]}}).want(t, 422, "the last way")
	w.now = w.now.Add(time.Minute)
	other := w.post(t, nobody, "/console/sign-in", url.Values{"email": {"ada@example.com"}, "password": {goodPassword}, "code": {code(key, w.now)}}).session(t)
	w.get(t, cookie, "/console/account").want(t, 200, "End all others")
	if r := w.post(t, cookie, "/console/account/sessions", nil); r.To != "/console/account" {
		t.Errorf("to %q: %s", r.To, r.content())
	}
	if r := w.get(t, other, "/console/account"); r.Code != 303 {
		t.Errorf("the other session: %d", r.Code)
	}
	form := url.Values{"password": {"another four of them"}, "password2": {"another four of them"}, "sealed": {sealed}, "code": {code(fresh, w.now)}}
	if r := w.post(t, cookie, "/console/account/password", form); r.To != "/console/account" {
		t.Errorf("a new password: %d %s", r.Code, r.content())
	}
	w.now = w.now.Add(20 * time.Minute)
	w.get(t, cookie, "/console/account").want(t, 200, "Sign in again to change this")
	if r := w.post(t, cookie, "/console/account/password", form); !strings.HasPrefix(r.To, "/console/sign-in?again=1") {
		t.Errorf("twenty minutes later: to %q", r.To)
	}
	var start struct {
		Problem string
		Options struct{ PublicKey struct{ Challenge string } }
	}
	if r := w.post(t, cookie, "/console/account/passkey", nil); r.Code != 409 || json.Unmarshal([]byte(r.Body), &start) != nil || start.Problem == "" {
		t.Errorf("a passkey, twenty minutes later: %d %s", r.Code, r.Body)
	}
	if r := w.post(t, nobody, "/console/sign-in/passkey", nil); json.Unmarshal([]byte(r.Body), &start) != nil || start.Options.PublicKey.Challenge == "" {
		t.Errorf("a sign-in by passkey begins with %d %s", r.Code, r.Body)
	}
}

// Somebody who belongs to two organizations works in one at a time.
func TestPlacesPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	w.first(t, s)
	invite := func(org string) string {
		l, err := w.manager.Invite(t.Context(), manage.By{
			Scope: manage.MemberScope(mintage.RoleAdmin), Organization: manage.OrganizationKey{Tenant: "hotel", ID: org},
		}, mintage.Invitation{Email: "mia@example.com", Role: mintage.RoleDeveloper})
		if err != nil {
			t.Fatal(err)
		}
		return s.LinkURL(l)
	}
	_, mia := w.join(t, invite("acme"), "")
	second := invite("zenith")
	w.post(t, nobody, path(second), url.Values{}).want(t, 422)
	w.get(t, mia, path(second)).want(t, 200, "signed in with this address already")
	if r := w.post(t, mia, path(second)+"/join", nil); r.To != "/console/account" {
		t.Fatalf("joined: %d %s", r.Code, r.content())
	}
	w.get(t, mia, "/console/account").want(t, 200, "Acme, as developer", "Zenith, as developer")
	w.client(t, "hotel", "zenith", "Zenith's own")
	w.get(t, mia, "/console/t/hotel/clients").lacks(t, "Zenith&#39;s own")
	w.post(t, mia, "/console/account/place", url.Values{"tenant": {"hotel"}, "organization": {"zenith"}})
	w.get(t, mia, "/console/t/hotel/clients").want(t, 200, "Zenith&#39;s own")
	w.post(t, mia, "/console/account/place", url.Values{}).want(t, 404)
}

// A command line is signed in on a page that says who asks, and by nobody else's
// form.
func TestPairPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	_, cookie := w.first(t, s)
	start := func(address string) *accounts.PairingStart {
		t.Helper()
		p, err := s.StartPairing(t.Context(), `<b>laptop`, accounts.From{Address: address, UserAgent: "mintage/1"})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := start("198.51.100.9")
	at := path(p.URL)
	if r := w.get(t, nobody, at); r.Code != 303 || !strings.HasPrefix(r.To, "/console/sign-in?next=%2Fconsole%2Fpair%2F") {
		t.Errorf("without a session: %d to %q", r.Code, r.To)
	}
	page := w.get(t, cookie, at)
	page.want(t, 200, p.Code, "&lt;b&gt;laptop", "198.51.100.9", "not the address of this browser", "owner of everything", "ada@example.com", "Whoever sent you this link")
	w.get(t, cookie, path(start("192.0.2.7").URL)).lacks(t, "not the address of this browser")
	w.get(t, cookie, at+"/approve").want(t, 404) // a GET changes nothing
	if r := w.post(t, cookie, at+"/approve", nil, "Sec-Fetch-Site", "cross-site"); r.Code != 403 {
		t.Errorf("AD-06: from another site: %d", r.Code)
	}
	if got, err := s.RedeemPairing(t.Context(), p.DeviceCode, accounts.From{}); err != nil || got.Token != "" {
		t.Errorf("signed in by nobody: %+v, %v", got, err)
	}
	if r := w.post(t, cookie, at+"/approve", nil); r.To != "/console/account" {
		t.Errorf("approved: %d to %q: %s", r.Code, r.To, r.content())
	}
	got, err := s.RedeemPairing(t.Context(), p.DeviceCode, accounts.From{Address: "198.51.100.9"})
	if err != nil || got.Token == "" {
		t.Fatalf("redeemed %+v, %v", got, err)
	}
	w.get(t, cookie, "/console/account").want(t, 200, "command", "mintage/1 &lt;b&gt;laptop")
	for _, again := range []*reply{w.get(t, cookie, at), w.post(t, cookie, at+"/approve", nil), w.post(t, cookie, at+"/deny", nil)} {
		again.want(t, 404, "Nothing waits here")
	}
	no := start("198.51.100.9")
	if r := w.post(t, cookie, path(no.URL)+"/deny", nil); r.To != "/console/account" {
		t.Errorf("denied: %d to %q", r.Code, r.To)
	}
	w.now = w.now.Add(20 * time.Minute)
	late := start("198.51.100.9")
	w.get(t, cookie, path(late.URL)).want(t, 200, "Sign in again to say yes")
	if r := w.post(t, cookie, path(late.URL)+"/approve", nil); !strings.HasPrefix(r.To, "/console/sign-in?again=1&next=%2Fconsole%2Fpair%2Fpair_") {
		t.Errorf("twenty minutes later: to %q", r.To)
	}
}

// A lost app: a recovery code stands in for it, once, and says how many are left.
func TestRecoveryCodesPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	_, cookie := w.first(t, s)
	w.get(t, cookie, "/console/account").want(t, 200, "You have no recovery codes")
	page := w.post(t, cookie, "/console/account/recovery-codes", nil)
	codes := regexp.MustCompile(`<li><code>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</code>`).FindAllStringSubmatch(page.Body, -1)
	if page.Code != 200 || len(codes) != 10 || page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%d, %d codes: %s", page.Code, len(codes), page.content())
	}
	page.want(t, 200, `href="data:text/plain;charset=utf-8,`, codes[0][1], `download="mintage-recovery-codes.txt"`)
	w.get(t, cookie, "/console/account").want(t, 200, "10 recovery codes are left")
	w.get(t, cookie, "/console/account").lacks(t, codes[0][1])
	form := url.Values{"email": {"ada@example.com"}, "password": {goodPassword}, "code": {strings.ToUpper(codes[3][1])}}
	r := w.post(t, nobody, "/console/sign-in", form)
	r.session(t)
	w.post(t, nobody, "/console/sign-in", form).want(t, 422, "That is not right")
	said := ""
	for _, c := range r.cookie {
		if c.Name == "__Host-mintage-message" {
			b, _ := base64.RawURLEncoding.DecodeString(c.Value)
			said = string(b)
		}
	}
	if !strings.Contains(said, "9 are left") {
		t.Errorf("it says %q", said)
	}
	w.now = w.now.Add(20 * time.Minute)
	if r := w.post(t, cookie, "/console/account/recovery-codes", nil); !strings.HasPrefix(r.To, "/console/sign-in?again=1") {
		t.Errorf("twenty minutes later: to %q", r.To)
	}
}

// The key for the app is a QR code of the page itself: the camera reads what the
// link says.
func TestQRCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	l, err := w.manager.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page := w.get(t, nobody, path(s.LinkURL(l)))
	svg := regexp.MustCompile(`<svg class="qr" viewBox="0 0 (\d+) \d+"[^>]*><path fill="#000" d="([^"]+)"`).FindStringSubmatch(page.Body)
	if svg == nil {
		t.Fatal("no picture")
	}
	size, _ := strconv.Atoi(svg[1])
	const scale = 4
	picture := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	draw.Draw(picture, picture.Bounds(), image.White, image.Point{}, draw.Src)
	for _, square := range regexp.MustCompile(`M(\d+) (\d+)h1v1h-1z`).FindAllStringSubmatch(svg[2], -1) {
		x, _ := strconv.Atoi(square[1])
		y, _ := strconv.Atoi(square[2])
		draw.Draw(picture, image.Rect(x*scale, y*scale, (x+1)*scale, (y+1)*scale), image.Black, image.Point{}, draw.Src)
	}
	read, err := qr.Decode(picture)
	if err != nil || !strings.Contains(page.Body, html.EscapeString(read)) || !strings.HasPrefix(read, "otpauth://totp/") {
		t.Errorf("the camera reads %q, %v", read, err)
	}
}

// The list of people has pages, in the order of their addresses.
func TestPeopleHavePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.withAccounts(t)
	_, boss := w.first(t, s)
	err := w.manager.Store.Update(t.Context(), func(tx store.Tx) error {
		for i := range 60 {
			o := &mintage.Operator{ID: fmt.Sprintf("op_%016d", 97*i%60), Email: fmt.Sprintf("p%02d@example.com", i), Created: w.now, Updated: w.now}
			if err := tx.CreateOperator(t.Context(), o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const at = "/console/t/hotel/operators"
	first := w.get(t, boss, at)
	first.want(t, 200, "ada@example.com", "p48@example.com", "Next page")
	first.lacks(t, "p49@example.com", "First page")
	next := regexp.MustCompile(`href="(` + at + `\?after=op_[^"]+)"`).FindStringSubmatch(first.Body)
	if next == nil {
		t.Fatal("no next page, or one with somebody's address in it")
	}
	second := w.get(t, boss, html.UnescapeString(next[1]))
	second.want(t, 200, "p49@example.com", "p59@example.com", "First page")
	second.lacks(t, "p48@example.com", "Next page")
	w.get(t, boss, at+"?after=op_gone").want(t, 200, "ada@example.com")
}
