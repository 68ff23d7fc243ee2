// Package oauth2source joins package consume with golang.org/x/oauth2: a
// TokenSource for libraries that want one, and a Fetcher for the grants that
// x/oauth2 has and consume has not.
//
// One thing is always true of it: it keeps no token. That is consume.Source's
// to do.
package oauth2source

import (
	"context"
	"errors"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/mintage-auth/mintage/consume"
)

// defaultTimeout bounds a wait that nobody else bounds.
const defaultTimeout = 30 * time.Second

// TokenSource is an oauth2.TokenSource over a consume.Source. Put it into an
// oauth2.Transport. What x/oauth2 wraps in a ReuseTokenSource, as
// oauth2.NewClient does, keeps a token until 10 seconds before its end, whatever
// becomes of it. It is safe for concurrent use.
type TokenSource struct {
	Source *consume.Source // must be set

	// Timeout bounds the wait for a token; zero means 30 seconds.
	Timeout time.Duration
}

// Token returns the source's token. Errors are those of consume.Source.Token.
func (s *TokenSource) Token() (*oauth2.Token, error) {
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	tok, err := s.Source.Token(ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: tok.Value, TokenType: tok.Type, Expiry: tok.Expires}, nil
}

// Fetcher is a consume.Fetcher that has x/oauth2 ask, such as
// (*clientcredentials.Config).Token. The function must ask each time: a token
// that it kept would be taken for a new one.
type Fetcher func(context.Context) (*oauth2.Token, error)

// Token asks for a token. An answer of the server that is an error is a
// *consume.Error.
func (f Fetcher) Token(ctx context.Context) (*consume.Token, error) {
	tok, err := f(ctx)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		// Not wrapped: it prints the whole answer.
		e := &consume.Error{Code: refused.ErrorCode, Description: refused.ErrorDescription, URI: refused.ErrorURI}
		if res := refused.Response; res != nil {
			e.Status = res.StatusCode
			if n, err := strconv.ParseInt(res.Header.Get("Retry-After"), 10, 32); err == nil {
				e.RetryAfter = time.Duration(max(n, 0)) * time.Second
			}
		}
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	return &consume.Token{Value: tok.AccessToken, Type: tok.Type(), Expires: tok.Expiry}, nil
}
