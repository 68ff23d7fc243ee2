package chaos_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// person is the first owner, who looks at the console.
type person struct {
	console string // its address
	cookie  string
	http    *http.Client
}

var (
	setupLink  = regexp.MustCompile(`http://[^/\s"]+/console/setup/[0-9A-Za-z]{43}`)
	keyOnPage  = regexp.MustCompile(`data-copy="([A-Z2-7]{32})"`)
	sealOnPage = regexp.MustCompile(`name="sealed" value="([^"]+)"`)
)

// signUp follows the link that a server prints when it starts for the first
// time, by password and app.
func signUp(t *testing.T, s *server) *person {
	t.Helper()
	link := ""
	for end := time.Now().Add(readyIn); link == ""; time.Sleep(5 * time.Millisecond) { // another process
		if link = setupLink.FindString(s.stderr.tail(1 << 20)); link == "" && time.Now().After(end) {
			t.Fatal("the server printed no link for its first owner")
		}
	}
	p := &person{
		console: "http://" + s.admin + "/console",
		http: &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
	}
	page, err := p.get(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	key, sealed := keyOnPage.FindStringSubmatch(page), sealOnPage.FindStringSubmatch(page)
	if key == nil || sealed == nil {
		t.Fatal("the page of the link has no key for an app")
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key[1])
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"email": {"owner@chaos.example"}, "name": {"Owner"}, "password": {"four words, no rhyme"}, "password2": {"four words, no rhyme"},
		"sealed": {html.UnescapeString(sealed[1])}, "code": {totp(raw)},
	}
	if _, status, err := p.send(t.Context(), http.MethodPost, link, form); err != nil || status != http.StatusSeeOther || p.cookie == "" {
		t.Fatalf("the owner's link: %d, %v", status, err)
	}
	return p
}

// totp is the code of now (RFC 6238).
func totp(key []byte) string {
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

// open opens a page of the console.
func (p *person) open(path string) error {
	_, err := p.get(context.Background(), p.console+path)
	return err
}

// get reads an address, which has to be there.
func (p *person) get(ctx context.Context, at string) (string, error) {
	text, status, err := p.send(ctx, http.MethodGet, at, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: %d %.300s", at, status, text)
	}
	return text, err
}

func (p *person) send(ctx context.Context, method, at string, form url.Values) (text string, status int, err error) {
	r, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if p.cookie != "" {
		r.Header.Set("Cookie", "__Host-mintage="+p.cookie)
	}
	resp, err := p.http.Do(r)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	for _, c := range resp.Cookies() {
		if c.Name == "__Host-mintage" {
			p.cookie = c.Value
		}
	}
	return string(body), resp.StatusCode, err
}
