package main

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
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	linkPrinted = regexp.MustCompile(`http://\S+/console/(?:setup|invitation|recover)/[0-9A-Za-z]{43}`)
	keyOnPage   = regexp.MustCompile(`data-copy="([A-Z2-7]{32})"`)
	sealOnPage  = regexp.MustCompile(`name="sealed" value="([^"]+)"`)
)

// scriptAccept opens the last one-time link in a file and accepts it by a
// password and an app, as a browser without a script does: accept FILE EMAIL.
// Without success it says that the link works no more.
func scriptAccept(ts *testscript.TestScript, neg bool, args []string) { //nolint:revive // as testscript has it
	if len(args) != 2 {
		ts.Fatalf("usage: accept FILE EMAIL")
	}
	links := linkPrinted.FindAllString(ts.ReadFile(args[0]), -1)
	if links == nil {
		ts.Fatalf("no link in %s", args[0])
	}
	at := links[len(links)-1]
	page, status := browse(ts, http.MethodGet, at, nil)
	if neg {
		if status != http.StatusNotFound || !strings.Contains(page, "works no more") {
			ts.Fatalf("the link still works: %d", status)
		}
		return
	}
	key, sealed := keyOnPage.FindStringSubmatch(page), sealOnPage.FindStringSubmatch(page)
	if key == nil || sealed == nil {
		ts.Fatalf("%d, no key on the page", status)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key[1])
	ts.Check(err)
	form := url.Values{
		"email": {args[1]}, "name": {"Somebody"}, "password": {"four words, no rhyme"}, "password2": {"four words, no rhyme"},
		"sealed": {html.UnescapeString(sealed[1])}, "code": {totp(raw)},
	}
	if page, status = browse(ts, http.MethodPost, at, form); status != http.StatusSeeOther {
		ts.Fatalf("got %d: %s", status, page)
	}
}

// browse does a request from the page itself, and follows nothing.
func browse(ts *testscript.TestScript, method, at string, form url.Values) (page string, status int) {
	r, err := http.NewRequestWithContext(context.Background(), method, at, strings.NewReader(form.Encode()))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	c := http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(r)
	ts.Check(err)
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return string(body), resp.StatusCode
}

// totp is the code of now (RFC 6238).
func totp(key []byte) string {
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}
