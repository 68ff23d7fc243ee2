package consume

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	// assertionLife is how long an assertion is good: the time of a request and
	// some difference of the clocks. Servers refuse those that live for long.
	assertionLife = time.Minute

	// assertionType names the format of an assertion (RFC 7523 §2.2).
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// assertion is the claims of RFC 7523 §3.
type assertion struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"` // one value alone: what one server takes must be of no use at another
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
}

func lacksKey(c *ClientCredentials) error {
	switch {
	case c.Key == nil:
		return errors.New("there is no key to sign with")
	case c.Issuer == "":
		return errors.New("there is no issuer for the assertion's audience")
	}
	return nil
}

// signingKey asks for the client's key.
func (c *ClientCredentials) signingKey(ctx context.Context) (*SigningKey, error) {
	k, err := c.Key(ctx)
	if err == nil && (k == nil || k.Signer == nil) {
		err = errors.New("there is none")
	}
	if err != nil {
		return nil, fmt.Errorf("the client's key: %w", err)
	}
	return k, nil
}

func markKey(ctx context.Context, c *ClientCredentials) (mark [sha256.Size]byte, err error) {
	k, err := c.signingKey(ctx)
	if err != nil {
		return mark, err
	}
	return k.mark()
}

// loadAssertion signs a new assertion: each is used once.
func loadAssertion(ctx context.Context, c *ClientCredentials, at time.Time) (credentials, error) {
	k, err := c.signingKey(ctx)
	if err != nil {
		return credentials{}, err
	}
	mark, err := k.mark()
	if err != nil {
		return credentials{}, fmt.Errorf("the client's key: %w", err)
	}
	signer, err := k.jwsSigner("JWT")
	if err != nil {
		return credentials{}, fmt.Errorf("the client's key: %w", err)
	}
	payload, err := json.Marshal(assertion{
		Issuer: c.ClientID, Subject: c.ClientID, Audience: c.Issuer,
		IssuedAt: at.Unix(), Expires: at.Add(assertionLife).Unix(), ID: rand.Text(),
	})
	if err != nil {
		return credentials{}, err
	}
	jwt, err := signer.AppendSign(nil, payload)
	return credentials{id: c.ClientID, assertion: string(jwt), mark: mark}, err
}

func inAssertion(r *http.Request, params url.Values, c credentials) string {
	params.Set("client_id", c.id)
	params.Set("client_assertion_type", assertionType)
	params.Set("client_assertion", c.assertion)
	return form(r, params)
}
