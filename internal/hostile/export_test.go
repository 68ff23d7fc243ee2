package hostile

import (
	"time"

	"github.com/mintage-auth/mintage/oauth"
)

// Faults counts what happens to each hundred requests: none, reset, 429, 503.
func Faults(h Hostility) (n [4]int) {
	for _, f := range h.plan() {
		n[f]++
	}
	return n
}

// Fates decides which tokens are refused.
type Fates struct{ f fates }

// Mint notes a token of a client.
func (f *Fates) Mint(client, jti string, at time.Time, percent int) {
	f.f.mint(minted{client: client, jti: jti, at: at, expires: at.Add(time.Hour)}, percent, 0)
}

// Refuses reports whether it is refused.
func (f *Fates) Refuses(jti string, now time.Time) bool { return f.f.refuses(jti, now) }

// End refuses it.
func (f *Fates) End(client, jti string, now time.Time) {
	f.f.end(oauth.Introspection{ClientID: client, ID: jti}, "", now)
}

// Kept returns how many tokens are remembered.
func (f *Fates) Kept() int { return len(f.f.tokens) }
