package consume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// defaultMaxBody bounds what is kept of a body in order to send it again.
	defaultMaxBody = 1 << 20
	// maxDrain bounds what is read of an answer that is thrown away, so that its
	// connection can be used again. Beyond it a new one is cheaper.
	maxDrain = 64 << 10
)

// Transport is an http.RoundTripper that puts a token on each request. A
// request that is answered 401 because of its token is sent once more, with
// another one, if its body can be; the second answer is final. No request is
// ever sent without a token, but for one that a redirect has led to another
// origin, which gets none. It is safe for concurrent use and must not be copied
// or changed once it is in use.
type Transport struct {
	Source *Source // must be set

	// Origins are where the token may be sent to, such as https://api.example;
	// a port that is the scheme's own may be left out. None means nowhere.
	Origins []string

	// Base sends the requests; nil means http.DefaultTransport.
	Base http.RoundTripper

	// MaxBody is how many bytes of a request's body are kept while it is sent, in
	// order to send it again, where the request has no GetBody. Zero means 1 MiB;
	// with a negative one nothing is kept.
	MaxBody int64

	// DPoP is the ClientCredentials' own, where it has one.
	DPoP *DPoP

	// InsecureHTTP allows Origins of plain http on other hosts than this one:
	// whoever is on the way then reads the token.
	InsecureHTTP bool

	parse  sync.Once
	places []place // of Origins
}

// RoundTrip sends r with a token. Errors are those of Source.Token, of Base, and
// one that says that the token is not meant for r's origin.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	followed, err := t.mayGo(r)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	if followed {
		r = r.Clone(r.Context())
		r.Header.Del("Authorization")
		return t.base().RoundTrip(r)
	}
	tok, err := t.Source.Token(r.Context())
	if err != nil {
		closeBody(r)
		return nil, err
	}
	first := r.Clone(r.Context())
	body := prepare(first, t.maxBody())
	res, late, err := t.send(first, tok)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		body.release()
		return res, err
	}
	next, err := t.instead(r.Context(), tok, challenges(res.Header.Values("WWW-Authenticate")), late)
	if err == nil {
		first = r.Clone(r.Context())
		first.Body, err = body.again()
	}
	if err != nil {
		body.release()
		return res, nil //nolint:nilerr // the 401 says more to the caller than why there is no second try
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxDrain)
	_ = res.Body.Close()
	res, _, err = t.send(first, next)
	t.told(res, err)
	return res, err
}

// errNoReplay says that the API has refused something else than the token.
var errNoReplay = errors.New("it is not about the token")

// instead returns the token for a second try after a 401 to tok with these
// challenges. Late says that the answer has set our idea of the API's clock right.
func (t *Transport) instead(ctx context.Context, tok *Token, cs []challenge, late bool) (*Token, error) {
	switch code := dpopError(cs); {
	case t.DPoP != nil && (code == "use_dpop_nonce" || code == "invalid_dpop_proof" && late):
		return tok, nil // a new proof is enough
	case !refusesToken(cs):
		return nil, errNoReplay
	}
	return t.Source.Renew(ctx, tok)
}

// send sends r with tok, and a proof of its own where it needs one.
func (t *Transport) send(r *http.Request, tok *Token) (res *http.Response, late bool, err error) {
	r.Header.Set("Authorization", tok.Header())
	if t.DPoP == nil {
		res, err = t.base().RoundTrip(r)
		return res, false, err
	}
	sent := time.Now()
	if err = t.DPoP.prove(r, tok.Value, t.DPoP.clock.at(sent)); err != nil {
		closeBody(r)
		return nil, false, err
	}
	if res, err = t.base().RoundTrip(r); err == nil {
		t.DPoP.keep(r.URL, res.Header)
		late = t.DPoP.clock.learn(res.Header, sent, time.Now())
	}
	return res, late, err
}

// told tells the Observer of the second try.
func (t *Transport) told(res *http.Response, err error) {
	if t.Source.Observer == nil {
		return
	}
	status := 0
	if res != nil {
		status = res.StatusCode
	}
	t.Source.Observer.Replayed(status, err)
}

// mayGo says whether r may have the token. Followed says that it may not and
// goes without, because a redirect led to it.
func (t *Transport) mayGo(r *http.Request) (followed bool, err error) {
	switch {
	case t.Source == nil:
		return false, errors.New("the Transport has no Source")
	case r.URL == nil:
		return false, errors.New("the request has no URL")
	}
	// Once a chain of redirects has left, it gets no token any more, not even
	// where it comes back: where it goes is then another server's choice.
	if r.Response != nil {
		for hop := r; ; hop = hop.Response.Request {
			if !t.named(hop.URL) {
				return true, nil
			}
			if hop.Response == nil || hop.Response.Request == nil {
				break
			}
		}
	}
	return false, t.meant(r.URL)
}

// meant returns nil where the token may be sent to u.
func (t *Transport) meant(u *url.URL) error {
	switch {
	case !t.named(u):
		return fmt.Errorf("the token is not meant for %s: add it to the Transport's Origins if it is", origin(u))
	case u.Scheme != "https" && !t.InsecureHTTP && !loopback(u.Hostname()):
		return fmt.Errorf("the token is not sent to %s: it is not https", origin(u))
	}
	return nil
}

// named reports whether u is of one of the Origins.
func (t *Transport) named(u *url.URL) bool {
	t.parse.Do(func() {
		for _, s := range t.Origins {
			if o, err := url.Parse(s); err == nil && o.Host != "" {
				t.places = append(t.places, placeOf(o))
			}
		}
	})
	at := placeOf(u)
	return slices.ContainsFunc(t.places, func(p place) bool {
		return p.scheme == at.scheme && p.port == at.port && strings.EqualFold(p.host, at.host)
	})
}

// place is what makes an origin: scheme, host and port (RFC 6454 §4). The host
// is compared without regard to case.
type place struct{ scheme, host, port string }

func placeOf(u *url.URL) place {
	p := place{scheme: strings.ToLower(u.Scheme), host: u.Hostname(), port: u.Port()}
	switch {
	case p.port != "":
	case p.scheme == "http":
		p.port = "80"
	case p.scheme == "https":
		p.port = "443"
	}
	return p
}

// origin returns an origin in writing.
func origin(u *url.URL) string {
	p := placeOf(u)
	return p.scheme + "://" + net.JoinHostPort(strings.ToLower(p.host), p.port)
}

func (t *Transport) base() http.RoundTripper {
	if t.Base != nil {
		return t.Base
	}
	return http.DefaultTransport
}

func (t *Transport) maxBody() int64 {
	if t.MaxBody == 0 {
		return defaultMaxBody
	}
	return t.MaxBody
}

// closeBody closes r's body, as a RoundTripper must even when it fails.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
