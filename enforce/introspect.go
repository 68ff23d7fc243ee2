package enforce

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Bounds of an Introspector.
const (
	defaultAnswerLife = 5 * time.Second // what Mintage promises of a revocation
	inactiveLife      = time.Second     // a token may be introspected before it is stored everywhere
	defaultAnswers    = 10_000
	defaultInFlight   = 32
	waitingPerFlight  = 32 // callers that may wait for a place, for each request under way
	maxAnswerSize     = 64 << 10
)

// Introspector asks an issuer what its opaque tokens say (RFC 7662). Any number
// of callers with the same token cause one request, and its answer is kept for
// a while, but never past the token's end. What an answer allows is checked at
// each use, as with a JWT.
//
// Set the fields before the first use and not after. An Introspector is for one
// Issuer, safe for concurrent use, and must not be copied.
type Introspector struct {
	// URL is the introspection endpoint. It must be https, but for loopback
	// addresses.
	URL string

	// Client makes the requests. It must be set. Its cookies are not used, and
	// redirects are not followed.
	Client *http.Client

	// ClientID authenticates this resource server at the endpoint, with Secret,
	// by HTTP Basic (RFC 7662 §2.1). Empty where Client does that by itself, by
	// a certificate or with a token of its own.
	ClientID string

	// Secret returns the secret of ClientID; it is called for each request, so
	// that it can be rotated.
	Secret func(ctx context.Context) (string, error)

	// Prefixes are what the opaque tokens of this issuer begin with; empty
	// means that all are its. They tell several issuers apart.
	Prefixes []string

	// InsecureHTTP allows a URL of plain http on any host: whoever is on the
	// way can then read the tokens and answer for the issuer.
	InsecureHTTP bool

	// Life is how long an answer that a token is active is kept; zero means 5
	// seconds, less than zero not at all. With Issuer.Revocations it may be as
	// long as the tokens: revocations are then learned from there.
	Life time.Duration

	// Stale is how much longer than Life such an answer is used while the
	// endpoint is away, at most to the token's end; zero means not at all.
	Stale time.Duration

	// Size is how many answers are kept; zero means 10,000. Answers that a
	// token is inactive have a place of their own, of the same size, so that
	// made-up tokens do not push out good ones.
	Size int

	// InFlight is how many requests are made at the same time; zero means 32.
	// 32 times as many callers may wait; more are told temporarily_unavailable.
	InFlight int

	// Timeout bounds one request; zero means 10 seconds.
	Timeout time.Duration

	// Log, where it is set, is told when the endpoint cannot be asked.
	Log *slog.Logger

	// Asked, where it is set, is called after each request with how it went,
	// for metrics.
	Asked func(took time.Duration, active bool, err error)

	mu       sync.Mutex
	active   answers
	inactive answers
	flights  map[answerID]*question
	running  int
	waiting  []chan struct{}
	pause    time.Time // nobody is asked before
	failure  error     // why
}

// answerID is a hash of what was asked of whom.
type answerID [sha256.Size]byte

// question is one request that any number of callers wait for.
type question struct {
	at     time.Time // when it was asked, by the clock of the Verifier
	done   chan struct{}
	answer *answer
	err    error
}

// answer is what an issuer said of a token.
type answer struct {
	token *Token    // nil: inactive
	at    time.Time // when it was asked
}

// errAnswer is wrapped by errors about an answer that cannot be read.
var errAnswer = errors.New("the answer cannot be used")

// errBusy says that more callers wait than may.
var errBusy = errors.New("too many callers wait for the introspection endpoint")

// id is what an answer is kept under: each part with its length before it, so
// that no two questions are written the same.
func (in *Introspector) id(issuer, raw string) answerID {
	var short [2048]byte
	buf := short[:0]
	for _, part := range [...]string{"mintage introspection", issuer, in.URL, in.ClientID, raw} {
		buf = binary.BigEndian.AppendUint64(buf, uint64(len(part)))
		buf = append(buf, part...)
	}
	return sha256.Sum256(buf)
}

// token returns what the issuer says of a token, nil for an inactive one.
func (in *Introspector) token(ctx context.Context, issuer *Issuer, raw string, now time.Time) (*Token, error) {
	id := in.id(issuer.Name, raw)
	in.mu.Lock()
	if a := in.kept(id, now, 0); a != nil {
		in.mu.Unlock()
		return a.token, nil
	}
	if now.Before(in.pause) {
		defer in.mu.Unlock()
		return in.stale(id, now, in.failure)
	}
	q := in.flights[id]
	if q == nil {
		q = in.ask(ctx, issuer, raw, id, now)
	}
	in.mu.Unlock()
	select {
	case <-q.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if q.err != nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		return in.stale(id, now, q.err)
	}
	return q.answer.token, nil
}

// kept returns an answer that may still be used.
func (in *Introspector) kept(id answerID, now time.Time, longer time.Duration) *answer {
	life := in.Life
	if life == 0 {
		life = defaultAnswerLife
	}
	if a := in.active.get(id); a != nil && now.Sub(a.at) < max(life, 0)+longer &&
		now.Before(time.Unix(a.token.Expires, 0)) && !now.Before(a.at) {
		return a
	}
	if a := in.inactive.get(id); a != nil && now.Sub(a.at) < inactiveLife && !now.Before(a.at) {
		return a
	}
	return nil
}

// stale returns an answer that is only good because no other can be had.
func (in *Introspector) stale(id answerID, now time.Time, cause error) (*Token, error) {
	if in.Stale > 0 {
		if a := in.kept(id, now, in.Stale); a != nil {
			return a.token, nil
		}
	}
	return nil, cause
}

// ask starts a request, whose end no caller's cancellation brings.
func (in *Introspector) ask(ctx context.Context, issuer *Issuer, raw string, id answerID, now time.Time) *question {
	q := &question{at: now, done: make(chan struct{})}
	turn, ok := in.turn()
	if !ok {
		q.err = errBusy
		close(q.done)
		return q
	}
	if in.flights == nil {
		in.flights = map[answerID]*question{}
	}
	in.flights[id] = q
	timeout := in.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(q.done)
		<-turn // soon: what is ahead of it is bounded in time and number
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		began := time.Now()
		var tok *Token
		tok, q.err = in.post(ctx, issuer, raw)
		if q.err == nil {
			q.answer = &answer{token: tok, at: now}
		}
		in.finish(ctx, id, q, time.Since(began))
	}()
	return q
}

// turn returns a channel that is closed when a request may begin, and false
// when too many wait already.
func (in *Introspector) turn() (<-chan struct{}, bool) {
	limit := in.InFlight
	if limit <= 0 {
		limit = defaultInFlight
	}
	ch := make(chan struct{})
	switch {
	case in.running < limit:
		in.running++
		close(ch)
	case len(in.waiting) >= limit*waitingPerFlight:
		return nil, false
	default:
		in.waiting = append(in.waiting, ch)
	}
	return ch, true
}

// finish keeps the answer and lets the next one begin.
func (in *Introspector) finish(ctx context.Context, id answerID, q *question, took time.Duration) {
	if in.Asked != nil {
		in.Asked(took, q.err == nil && q.answer.token != nil, q.err)
	}
	if in.Log != nil && q.err != nil {
		in.Log.LogAttrs(ctx, slog.LevelWarn, "the introspection endpoint of an issuer cannot be asked",
			slog.String("url", in.URL), slog.Any("error", q.err))
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.flights, id)
	if len(in.waiting) > 0 {
		close(in.waiting[0])
		in.waiting = in.waiting[1:]
	} else {
		in.running--
	}
	if q.err != nil {
		if pause := pauseAfter(q.err); pause > 0 {
			in.failure, in.pause = q.err, q.at.Add(took+pause)
		}
		return
	}
	size := in.Size
	if size <= 0 {
		size = defaultAnswers
	}
	if q.answer.token != nil {
		in.active.put(id, q.answer, size)
		in.inactive.drop(id)
	} else {
		in.inactive.put(id, q.answer, size)
		in.active.drop(id)
	}
}

// pauseAfter returns for how long nobody is asked after an error. One that may
// be about the token alone, which a stranger may have made up, is none of the
// endpoint's.
func pauseAfter(err error) time.Duration {
	if errors.Is(err, errAnswer) {
		return 0
	}
	e, ok := errors.AsType[*statusError](err)
	if !ok {
		return firstPause
	}
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests:
	default:
		if e.status < http.StatusInternalServerError {
			return 0
		}
	}
	return max(firstPause, e.after)
}

// post makes the request and reads the answer.
func (in *Introspector) post(ctx context.Context, issuer *Issuer, raw string) (*Token, error) {
	client, err := direct(in.Client)
	if err != nil {
		return nil, err
	}
	if err := checkURL(in.URL, in.InsecureHTTP); err != nil {
		return nil, err
	}
	form := url.Values{"token": {raw}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, in.URL, strings.NewReader(form.Encode())) //nolint:gosec // the configuration says which URL
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if in.ClientID != "" {
		if in.Secret == nil {
			return nil, errors.New("there is no Secret")
		}
		secret, err := in.Secret(ctx)
		if err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
		req.SetBasicAuth(url.QueryEscape(in.ClientID), url.QueryEscape(secret)) // RFC 6749 §2.3.1
	}
	res, err := client.Do(req) //nolint:gosec // the configuration says which URL, no token does
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, newStatusError(res)
	}
	body, err := readAll(res, maxAnswerSize)
	if err != nil {
		return nil, err
	}
	return readAnswer(body, issuer, raw)
}

// readAnswer reads an introspection answer (RFC 7662 §2.2); an inactive token
// has none.
func readAnswer(body []byte, issuer *Issuer, raw string) (*Token, error) {
	doc, err := parsePayload(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAnswer, err)
	}
	active, ok := doc.Lookup("active")
	switch {
	case !ok || !active.IsTrue() && active.Raw() != "false":
		return nil, fmt.Errorf("%w: it does not say whether the token is active", errAnswer)
	case !active.IsTrue():
		return nil, nil //nolint:nilnil // inactive
	}
	t, err := parseClaims(doc, &issuer.Profile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errAnswer, err)
	}
	if t.Issuer != "" && t.Issuer != issuer.Name {
		return nil, fmt.Errorf("%w: it is about a token of another issuer", errAnswer)
	}
	for name, want := range issuer.Profile.Claims {
		if v, ok := doc.Lookup(name); ok {
			if got, _ := v.Str(); got != want {
				return nil, nil //nolint:nilnil // a live token of another kind is no access token
			}
		}
	}
	kind := claims{doc: doc}
	if typ := kind.text("token_type"); strings.EqualFold(typ, "DPoP") && t.Confirmation.Key == "" || kind.bad != "" {
		return nil, fmt.Errorf("%w: the token is bound to a key, and it does not say to which", errAnswer)
	}
	t.Issuer, t.value, t.payload = issuer.Name, raw, body
	return t, nil
}
