package jose

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// UnverifiedExpiry returns the exp of a token that is a JWT, and false where
// there is none. Nothing of the token is verified: it is for clients that want
// to know how long their own token lives.
func UnverifiedExpiry(token string) (time.Time, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Exp json.Number `json:"exp"` // some servers write it as a string
	}
	if json.Unmarshal(payload, &claims) != nil {
		return time.Time{}, false
	}
	n, err := claims.Exp.Float64()
	if err != nil || n <= 0 || n > math.MaxInt32*100 {
		return time.Time{}, false
	}
	return time.Unix(int64(n), 0), true
}
