package clientauth

import (
	"time"

	"github.com/mintage-auth/mintage/internal/secret"
	"github.com/mintage-auth/mintage/oauth"
)

// failed is all that a client learns of a failed authentication.
const failed = "client authentication failed"

// Bounds of identifiers and secrets, in bytes.
const (
	MaxClientID = 256
	MaxSecret   = secret.MaxLength
)

// bounded refuses what no registered client has.
func bounded(id, candidate string) *oauth.Error {
	if len(id) > MaxClientID {
		return oauth.InvalidRequest("request.too_large", "client_id is longer than 256 bytes")
	}
	if len(candidate) > MaxSecret {
		return oauth.InvalidRequest("request.too_large", "client_secret is longer than 512 bytes")
	}
	return nil
}

// refuseHeader is 401, and the answer needs a challenge (RFC 6749 §5.2).
func refuseHeader(reason string, cause error) *oauth.Error {
	return oauth.InvalidClient(reason, failed, cause)
}

// refuseParameter is 400 without a challenge, the default of RFC 6749 §5.2.
func refuseParameter(reason string, cause error) *oauth.Error {
	return oauth.InvalidClientPost(reason, failed, cause)
}

// refuseMissing is 401 although no header failed: wget and others send their
// credentials only after a challenge.
func refuseMissing() *oauth.Error {
	return oauth.InvalidClient("auth.missing", "client authentication is missing", nil)
}

// refuseSeveral is RFC 6749 §2.3: one method in a request.
func refuseSeveral() *oauth.Error {
	return oauth.InvalidRequest("auth.two_methods", "more than one client authentication method")
}

// refuseGuess is for credentials that are not looked at, since too many were
// wrong. It is the same for a client that does not exist.
func refuseGuess(wait time.Duration) *oauth.Error {
	return oauth.TooManyRequests("limit.guess", "too many attempts failed: ask again after the seconds of Retry-After", nil).In(wait)
}

func troubled(err error) *oauth.Error {
	return oauth.TemporarilyUnavailable("store.unavailable", "the server cannot check the client now", err)
}

func refuseQuery() *oauth.Error {
	return oauth.InvalidRequest("query.credentials", "credentials in the URL are not accepted")
}
