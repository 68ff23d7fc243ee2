package main

import (
	"bufio"
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
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	linkPrinted = regexp.MustCompile(`http://\S+/console/(?:setup|invitation|recover)/[0-9A-Za-z]{43}`)
	keyOnPage   = regexp.MustCompile(`data-copy="([A-Z2-7]{32})"`)
	pairPrinted = regexp.MustCompile(`http://\S+/console/pair/pair_[0-9A-Za-z]{16}`)
	codePrinted = regexp.MustCompile(`Pairing code: ([a-z]+(?:-[a-z]+){3})\n`)
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

// scriptPair runs mintage login, and has the operator who accepted a link last
// answer in the console: pair yes|no|never ARGUMENT... What the command printed is
// in stdout.txt and stderr.txt, and its exit code is 0, or 4 without a yes.
func scriptPair(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: pair yes|no ARGUMENT...")
	}
	var stdout strings.Builder
	cmd := exec.Command(lookPath(ts, "mintage"), append([]string{"login"}, args[1:]...)...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "MINTAGE_PROFILE", "MINTAGE_URL", "TESTSCRIPT_COMMAND"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Stdout = &stdout
	said, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	text, answered := "", false
	for lines := bufio.NewScanner(said); lines.Scan(); {
		text += lines.Text() + "\n"
		if at := pairPrinted.FindString(text); at != "" && !answered {
			answered = true
			answerPairing(ts, at, args[0], text)
		}
	}
	err = cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("stdout.txt"), []byte(stdout.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("stderr.txt"), []byte(text), 0o600))
	want := map[string]int{"yes": 0, "no": exitDenied}[args[0]]
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("login ended with %d (%v), want %d: %s", got, err, want, text)
	}
}

// answerPairing opens the page that a login printed, and says yes or no there.
func answerPairing(ts *testscript.TestScript, at, answer, said string) {
	page, status := browse(ts, http.MethodGet, at, nil)
	code := codePrinted.FindStringSubmatch(said)
	if status != http.StatusOK || code == nil || !strings.Contains(page, code[1]) {
		ts.Fatalf("%d, the page of a pairing does not show the code %q", status, code)
	}
	verb := map[string]string{"yes": "/approve", "no": "/deny"}[answer]
	if page, status := browse(ts, http.MethodPost, at+verb, url.Values{}); status != http.StatusSeeOther {
		ts.Fatalf("%s: got %d: %s", verb, status, page)
	}
}

// lookPath finds a program of the script.
func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		at := filepath.Join(dir, name)
		if _, err := os.Stat(at); err == nil {
			return at
		}
	}
	ts.Fatalf("%s is not in PATH", name)
	return ""
}

// cookieName is the variable of a script that holds the session of who accepted a
// link last.
const cookieName = "CONSOLE_COOKIE"

// browse does a request from the page itself, and follows nothing.
func browse(ts *testscript.TestScript, method, at string, form url.Values) (page string, status int) {
	r, err := http.NewRequestWithContext(context.Background(), method, at, strings.NewReader(form.Encode()))
	ts.Check(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if cookie := ts.Getenv(cookieName); cookie != "" {
		r.Header.Set("Cookie", "__Host-mintage="+cookie)
	}
	c := http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(r)
	ts.Check(err)
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	for _, c := range resp.Cookies() {
		if c.Name == "__Host-mintage" {
			ts.Setenv(cookieName, c.Value)
		}
	}
	return string(body), resp.StatusCode
}

// totp is the code of now (RFC 6238).
func totp(key []byte) string {
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}
