package issue

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/dpop"
	"github.com/mintage-auth/mintage/internal/replay"
	"github.com/mintage-auth/mintage/oauth"
)

// prove checks the DPoP proof of an authenticated client, if it sent one: in
// every dialect, whether or not its token has to be bound.
func (h *Handler) prove(x *exchange, req *Request) error {
	if len(req.Proofs) == 0 && !x.t.DPoPNonces {
		return nil // as most requests
	}
	var nonces *dpop.Nonces
	now := h.Now()
	if x.t.DPoPNonces {
		nonces = &dpop.Nonces{Purpose: "mintage token endpoint DPoP nonce of " + x.t.ID, Key: h.NonceKey}
		x.w.Header().Set("DPoP-Nonce", nonces.At(now)) // RFC 9449 §8.2: for the next proof
	}
	if len(req.Proofs) == 0 {
		return nil
	}
	p, err := dpop.Read(req.Proofs, mintage.SigningAlgs())
	if err != nil {
		return proofError(err)
	}
	want := &dpop.Request{Method: http.MethodPost, URLs: tokenURLs(x.t, req.Path), Now: now, Nonces: nonces}
	if err := p.Check(want); err != nil {
		return proofError(err)
	}
	x.proof, x.spending = p, now.Add(want.Keep())
	return nil
}

// bind binds the token to the key of the proof, which is spent by that, or
// refuses a bearer token where none is to be had.
func (h *Handler) bind(ctx context.Context, x *exchange, az *mintage.Authorization) error {
	if x.proof == nil {
		if az.DPoPBound {
			return oauth.InvalidDPoPProof("dpop.required", "the token has to be bound to a key: send a DPoP proof", nil).BadRequest()
		}
		return nil
	}
	err := h.Replays.Once(ctx, replay.ID("dpop", x.t.ID, x.proof.Thumbprint, x.proof.ID), x.spending)
	switch {
	case errors.Is(err, replay.ErrUsed):
		return oauth.InvalidDPoPProof("dpop.replayed", "the DPoP proof was used before", nil).BadRequest()
	case err != nil:
		return storeTrouble(err)
	}
	az.KeyThumbprint = x.proof.Thumbprint
	return nil
}

// proofError is what the client is told of an error of package dpop (RFC 9449
// §5, §8).
func proofError(err error) error {
	if errors.Is(err, dpop.ErrNonce) {
		return oauth.UseDPoPNonce(nil).BadRequest()
	}
	if e, ok := errors.AsType[*dpop.Error](err); ok {
		return oauth.InvalidDPoPProof("dpop.invalid", e.Description, e.Cause).BadRequest()
	}
	return err
}

// tokenURLs returns the URLs by which a request for a path may have come. They
// are those of the configuration: what Host or a proxy's header says of it,
// whoever sends the request may have written.
func tokenURLs(t *mintage.Tenant, path string) []string {
	scheme, rest, _ := strings.Cut(t.Issuer, "://")
	host, _, _ := strings.Cut(rest, "/")
	urls := []string{scheme + "://" + host + path}
	for _, alias := range t.Aliases {
		urls = append(urls, scheme+"://"+alias+path)
		if scheme != "http" && loopback(alias) { // where nobody needs a certificate
			urls = append(urls, "http://"+alias+path)
		}
	}
	return urls
}

// loopback says whether a host, with or without a port, is this machine.
func loopback(alias string) bool {
	host, _, err := net.SplitHostPort(alias)
	if err != nil {
		host = strings.Trim(alias, "[]")
	}
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
