package attack

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
)

// Result is what came of one case.
type Result struct {
	Name    string  `json:"name"`
	List    int     `json:"list"` // of the published bypasses; 0: framing
	Sources string  `json:"sources,omitempty"`
	Verdict Verdict `json:"verdict"`
	Status  int     `json:"status"` // 0: no answer
	Why     string  `json:"why"`
	About   string  `json:"about"` // what a gateway that is fooled does wrong
}

// ErrBaseline says that the target does not behave as a gateway does before
// any attack, so that nothing could be told.
var ErrBaseline = errors.New("the target is no gateway that can be tested")

// Runner sends cases to one target, one at a time.
type Runner struct {
	Target Target
	// TLS is the configuration for an https target; nil: the system's
	// authorities.
	TLS *tls.Config
}

// Run sends cases in turn and returns a result for each. The error says that
// none could be sent or judged.
func (r *Runner) Run(ctx context.Context, cases []Case) ([]Result, error) {
	t := &r.Target
	if err := t.Validate(); err != nil {
		return nil, err
	}
	s := &sender{address: t.address(), timeout: t.timeout()}
	if t.URL.Scheme == "https" {
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		if r.TLS != nil {
			s.tls = r.TLS.Clone()
		}
		s.tls.ServerName = cmp.Or(s.tls.ServerName, t.URL.Hostname())
	}
	base, err := t.measure(ctx, s)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, c := range append(badTokens(t.BadTokens), cases...) {
		all, missing := t.attempts(c)
		if missing != "" {
			results = append(results, c.result(LeftOut, 0, missing))
		}
		for _, a := range all {
			o, err := t.try(ctx, s, a, base)
			if err != nil {
				return results, err
			}
			verdict, why := t.judge(a, o, base)
			results = append(results, a.result(verdict, o.Status, why))
		}
	}
	return results, nil
}

// address is where to connect to.
func (t *Target) address() string {
	if t.Dial != "" {
		return t.Dial
	}
	port := t.URL.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[t.URL.Scheme]
	}
	return net.JoinHostPort(t.URL.Hostname(), port)
}

func (c *Case) result(v Verdict, status int, why string) Result {
	return Result{Name: c.Name, List: c.List, Sources: c.Sources, Verdict: v, Status: status, Why: why, About: c.About}
}

// badTokens are cases of tokens that somebody brings along.
func badTokens(tokens []string) []Case {
	var cases []Case
	for i, token := range tokens {
		cases = append(cases, Case{
			Name: "bad-token/" + strconv.Itoa(i+1), List: 9, Headers: []string{bearer}, About: "takes a token that it was told is not good",
			Forge: func(string, Keys) string { return token },
		})
	}
	return cases
}

// plainRequest is what an honest caller sends.
func (t *Target) plainRequest(id, token string) []byte {
	return t.fill(attempt{Case: Case{Target: "{path}?plain-{id}", Headers: []string{bearer}}, id: id, token: token}, "")
}

// measure sends what an honest caller and a nameless one would.
func (t *Target) measure(ctx context.Context, s *sender) (base baseline, err error) {
	if _, err := t.take(answer{}, base); err != nil {
		return base, err
	}
	id := strings.ToLower(rand.Text()[:12])
	a, err := s.send(ctx, t.plainRequest(id, t.Token), false)
	if err != nil {
		return base, err
	}
	if a.Status/100 != 2 {
		return base, fmt.Errorf("%w: with the good token it answers %s", ErrBaseline, status(a))
	}
	base.status = a.Status
	_, base.echo = seenIn(a)
	if t.Backend != nil && base.echo {
		base.echo = false // the log says more
	}
	seen, err := t.take(a, base)
	if err != nil {
		return base, err
	}
	if (t.Backend != nil || base.echo) && len(seen) != 1 {
		return base, fmt.Errorf("%w: the API got %d requests for one: is its log the one of the API behind this gateway, and nobody else's?", ErrBaseline, len(seen))
	}
	base.identity = t.identities(seen)
	if t.Canary != "" && !strings.Contains(string(a.Body), t.Canary) {
		return base, fmt.Errorf("%w: its answer does not have the canary in it", ErrBaseline)
	}
	nameless := t.fill(attempt{id: id}, "")
	if a, err = s.send(ctx, nameless, false); err != nil {
		return base, err
	}
	if _, err := t.take(a, base); err != nil {
		return base, err
	}
	if a.Status != 401 && a.Status != 403 && a.Status != 407 && a.Status/100 != 3 {
		return base, fmt.Errorf("%w: without a token it answers %s", ErrBaseline, status(a))
	}
	return base, nil
}

func status(a answer) string {
	if a.Status == 0 {
		return "nothing"
	}
	return strconv.Itoa(a.Status)
}

// identities are the identity headers of the request that reached the API.
func (t *Target) identities(seen []Seen) map[string][]string {
	if len(seen) == 0 {
		return nil
	}
	found := map[string][]string{}
	for _, name := range t.identity() {
		if values := seen[0].Header(name); len(values) > 0 {
			found[strings.ToLower(name)] = values
		}
	}
	return found
}

// seenIn returns what the answer of an Echo says.
func seenIn(a answer) (Seen, bool) {
	var e echoed
	if err := json.Unmarshal(a.Body, &e); err != nil || !e.Mark {
		return Seen{}, false
	}
	return e.Seen, true
}

// take returns what reached the API, from its log or from its answer.
func (t *Target) take(a answer, base baseline) ([]Seen, error) {
	if t.Backend != nil {
		return t.Backend.Take()
	}
	if s, ok := seenIn(a); ok && base.echo {
		return []Seen{s}, nil
	}
	return nil, nil
}

// try sends one attempt, with good requests beside it or behind it as the case
// wants.
func (t *Target) try(ctx context.Context, s *sender, a attempt, base baseline) (o outcome, err error) {
	o.known = t.Backend != nil || base.echo
	if a.Beside > 0 {
		return t.tryBeside(ctx, s, a, o, base)
	}
	if o.answer, err = s.send(ctx, a.request, a.Rule == OneRequest); err != nil {
		return o, err
	}
	if o.seen, err = t.take(o.answer, base); err != nil {
		return o, err
	}
	if a.Rule == OneRequest {
		err = t.follow(ctx, s, base, &o)
	}
	return o, err
}

// follow sends an honest request and notes what is wrong with what came of it.
// What reaches the API late belongs to the attempt before.
func (t *Target) follow(ctx context.Context, s *sender, base baseline, o *outcome) error {
	id := strings.ToLower(rand.Text()[:12])
	a, err := s.send(ctx, t.plainRequest(id, t.Token), false)
	if err != nil {
		return err
	}
	seen, err := t.take(a, base)
	if err != nil {
		return err
	}
	arrived := 0
	for _, one := range seen {
		if one.Method == "GET" && strings.HasSuffix(one.Target, "?plain-"+id) {
			arrived++
			continue
		}
		o.seen = append(o.seen, one)
	}
	switch {
	case a.Status != base.status:
		o.next = "the next caller was answered " + status(a)
	case o.known && arrived != 1:
		o.next = "the next caller's request was changed"
	}
	return nil
}

// tryBeside sends an attempt while good requests are under way.
func (t *Target) tryBeside(ctx context.Context, s *sender, a attempt, o outcome, base baseline) (outcome, error) {
	var wg sync.WaitGroup
	for range a.Beside {
		wg.Go(func() { _, _ = s.send(ctx, t.plainRequest("beside", t.Token), false) })
	}
	var err error
	o.answer, err = s.send(ctx, a.request, false)
	wg.Wait()
	if err != nil {
		return o, err
	}
	seen, err := t.take(o.answer, base)
	for _, one := range seen {
		if !strings.Contains(one.Target, "plain-beside") {
			o.seen = append(o.seen, one)
		}
	}
	return o, err
}
