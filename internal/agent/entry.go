package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mintage-auth/mintage/internal/jose"
)

// reply is a token endpoint's answer, as it is passed on.
type reply struct {
	status int
	header http.Header
	body   []byte

	// What counts seconds from the answer on, such as expires_in: where its
	// value is in body.
	counts []span

	at    time.Time     // when it was asked for
	life  time.Duration // of the token; zero: it is not kept
	renew time.Duration // after at, when the next one is asked for
	retry time.Duration // Retry-After
}

// span is the number of a member in a body: from and to are offsets, quoted or
// not.
type span struct {
	name     string
	from, to int
	value    int64
	quoted   bool
}

// answerHeaders are the headers of a token answer that go back.
var answerHeaders = []string{"Content-Type", "Www-Authenticate", "Retry-After", "X-Request-Id", "Cache-Control", "Pragma"}

// newReply reads an answer that was asked for at a time. Life is that of a
// token which does not say its own.
func newReply(res *http.Response, body []byte, at time.Time, life time.Duration) *reply {
	p := &reply{status: res.StatusCode, header: http.Header{}, body: body, at: at}
	for _, name := range answerHeaders {
		if values := res.Header[name]; len(values) > 0 {
			p.header[name] = values
		}
	}
	if n, err := strconv.ParseInt(res.Header.Get("Retry-After"), 10, 32); err == nil && n > 0 {
		p.retry = time.Duration(n) * time.Second
	}
	if res.StatusCode != http.StatusOK {
		return p
	}
	token, counts := readAnswer(body)
	if token == "" {
		return p
	}
	p.counts, p.life = counts, life
	if len(counts) > 0 { // expires_in comes first
		p.life = time.Duration(min(max(counts[0].value, 0), int64(longestLife/time.Second))) * time.Second
	} else if end, ok := jose.UnverifiedExpiry(token); ok {
		p.life = min(max(end.Sub(answered(res, at)), 0), longestLife)
	}
	if p.life < shortestLife {
		p.life = 0
	}
	share := p.life / marginShare
	p.renew = p.life - share - rand.N(share+1) //nolint:gosec // jitter
	return p
}

// answered returns when an answer was written, by the clock of who wrote it,
// which set the exp of a token too; without a Date it is at.
func answered(res *http.Response, at time.Time) time.Time {
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		return date
	}
	return at
}

const (
	// longestLife bounds what is believed of a token.
	longestLife = 10 * 365 * 24 * time.Hour
	// shortestLife is what a token must live to be worth keeping: what is left
	// is told in whole seconds.
	shortestLife = 2 * time.Second
	// The next token is asked for when between two tenths and one of the life
	// are left, so that agents that began together do not ask together.
	marginShare = 10
	// A token is handed out without a wait until a tenth of its life, or a
	// minute, is left: the application wants to use it.
	longestMargin = time.Minute
)

// spent reports whether p's token has so little left at a time that a new one
// is worth a wait.
func (p *reply) spent(now time.Time) bool {
	return now.Sub(p.at) >= p.life-min(longestMargin, p.life/marginShare)
}

// lives reports whether p has a token that is good at a time.
func (p *reply) lives(now time.Time) bool { return p != nil && now.Sub(p.at) < p.life }

// readAnswer returns the token of an answer, or nothing, and what counts seconds.
func readAnswer(body []byte) (token string, counts []span) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return "", nil
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok || seen[name] {
			return "", nil
		}
		seen[name] = true
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return "", nil
		}
		switch name {
		case "access_token":
			if json.Unmarshal(raw, &token) != nil {
				return "", nil
			}
		case "expires_in", "ext_expires_in":
			var good bool
			if counts, good = addCount(counts, name, raw, int(dec.InputOffset())); !good {
				return "", nil
			}
		}
	}
	if !atEnd(dec) {
		return "", nil
	}
	if len(counts) > 0 && counts[0].name != "expires_in" {
		return "", nil
	}
	return token, counts
}

// addCount adds a count that ends at an offset; that of expires_in comes first.
// One that is null or empty is as good as absent.
func addCount(counts []span, name string, raw json.RawMessage, end int) ([]span, bool) {
	if text := string(raw); text == "null" || text == `""` {
		return counts, true
	}
	s, ok := readSpan(raw, end)
	s.name = name
	if name == "expires_in" {
		return slices.Insert(counts, 0, s), ok
	}
	return append(counts, s), ok
}

// atEnd reports whether an object ends here, and the document with it.
func atEnd(dec *json.Decoder) bool {
	if _, err := dec.Token(); err != nil {
		return false
	}
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

// readSpan reads a number of seconds that ends at an offset.
func readSpan(raw json.RawMessage, end int) (span, bool) {
	s := span{from: end - len(raw), to: end, quoted: raw[0] == '"'}
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || n != n || n < -1e15 || n > 1e15 {
		return s, false
	}
	s.value = int64(n)
	return s, true
}

// write answers at a time: what counts seconds says how many are left.
func (p *reply) write(w http.ResponseWriter, now time.Time, how string) {
	h := w.Header()
	maps.Copy(h, p.header)
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set(cacheHeader, how)
	gone := int64(max(now.Sub(p.at), 0) / time.Second)
	if p.retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(max(int64(p.retry/time.Second)-gone, 1), 10))
	}
	body := p.body
	if p.life > 0 && gone > 0 {
		body = p.counted(gone)
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(body) //nolint:gosec // a token endpoint's answer, for the program that asked; no browser gets here
}

// counted returns the body with gone seconds less.
func (p *reply) counted(gone int64) []byte {
	counts := p.counts
	if len(counts) == 2 && counts[0].from > counts[1].from {
		counts = []span{counts[1], counts[0]}
	}
	b, at := make([]byte, 0, len(p.body)+8), 0
	for _, c := range counts {
		b = append(b, p.body[at:c.from]...)
		left := strconv.FormatInt(max(c.value-gone, 0), 10)
		if c.quoted {
			left = strconv.Quote(left)
		}
		b, at = append(b, left...), c.to
	}
	return append(b, p.body[at:]...)
}
