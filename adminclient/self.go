package adminclient

import (
	"context"
	"net/http"
	"time"
)

// NewPairing asks to be signed in as an operator.
type NewPairing struct {
	Host string `json:"host,omitempty" maxLength:"200" doc:"Name of the machine, which the console shows to whoever confirms."`
}

// Pairing is what a command line shows while it waits, in the words of RFC 8628
// §3.2.
type Pairing struct {
	DeviceCode      string `json:"device_code" doc:"With which to come for the session. It is a secret."`
	UserCode        string `json:"user_code" doc:"Shown by both sides, and compared by whoever confirms."`
	VerificationURI string `json:"verification_uri" doc:"The console's page where an operator confirms."`
	ExpiresIn       int64  `json:"expires_in" doc:"For how many seconds it can be confirmed."`
	Interval        int64  `json:"interval" doc:"How many seconds to wait between two questions."`
}

// PairingCode comes for the session.
type PairingCode struct {
	DeviceCode string `json:"device_code" maxLength:"200" doc:"As the answer that began the pairing has it."`
}

// PairingResult says what became of a pairing.
type PairingResult struct {
	Status       string `json:"status" enum:"pending,denied,approved" doc:"Pending: ask again after the interval."`
	SessionToken string `json:"session_token,omitempty" doc:"The bearer token of the session, once: in this answer and no other."`
	Self         *Self  `json:"self,omitempty" doc:"Who the session acts as."`
}

// Self is who asks.
type Self struct {
	Operator     *SelfOperator `json:"operator,omitempty" doc:"The operator whose session it is; absent: a client asks."`
	ClientID     string        `json:"client_id,omitempty" doc:"The client whose access token it is."`
	Role         string        `json:"role,omitempty" doc:"The operator's role where the session works."`
	Tenant       string        `json:"tenant" doc:"The tenant that is administered; mintage: all of them."`
	Organization string        `json:"organization,omitempty" doc:"The organization that the session is confined to."`
	Scopes       []string      `json:"scopes" doc:"What may be done."`
	Session      *SelfSession  `json:"session,omitempty" doc:"The operator's session."`
}

// SelfOperator is the operator who asks.
type SelfOperator struct {
	ID    string `json:"id" doc:"The operator's identifier."`
	Email string `json:"email" doc:"The e-mail address."`
	Name  string `json:"name,omitempty" doc:"What people call them."`
}

// SelfSession is the session that asks.
type SelfSession struct {
	ID            string    `json:"id" doc:"The session's identifier, which opens nothing."`
	CreatedAt     time.Time `json:"created_at" doc:"When it began."`
	ExpiresAt     time.Time `json:"expires_at" doc:"When it ends, whatever its use."`
	IdleExpiresAt time.Time `json:"idle_expires_at" doc:"When it ends if it is not used until then."`
}

// StartPairing asks to be signed in as an operator. It needs no Token.
func (c *Client) StartPairing(ctx context.Context, n NewPairing) (*Pairing, error) {
	return call[Pairing](ctx, c, request{method: http.MethodPost, path: at("pairings"), body: n, open: true})
}

// RedeemPairing asks what became of a pairing. It needs no Token. It is
// mintage.ErrNotFound when the pairing has ended, and a Problem with the status
// 429 when the interval was not kept.
func (c *Client) RedeemPairing(ctx context.Context, deviceCode string) (*PairingResult, error) {
	return call[PairingResult](ctx, c, request{
		method: http.MethodPost, path: at("pairings", "redeem"), body: PairingCode{DeviceCode: deviceCode}, open: true,
	})
}

// Self returns who asks.
func (c *Client) Self(ctx context.Context) (*Self, error) {
	return call[Self](ctx, c, request{method: http.MethodGet, path: at("self")})
}

// EndOwnSession ends the session whose token asks.
func (c *Client) EndOwnSession(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodDelete, path: at("self", "session")}, nil)
}
