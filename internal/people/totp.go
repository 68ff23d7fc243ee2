package people

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what authenticator apps use; HMAC does not need it to be free of collisions
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The parameters that every authenticator app knows (RFC 6238 §4).
const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpKey    = 20 // bytes: as many as the hash has (RFC 4226 §4)
	// totpSkew is how many steps a clock may be off, either way (RFC 6238 §5.2).
	totpSkew = 1
)

func newTOTPKey() []byte {
	key := make([]byte, totpKey)
	rand.Read(key)
	return key
}

// totpCode returns the code of a step (RFC 4226 §5.3).
func totpCode(key []byte, step int64) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step)) //nolint:gosec // positive since 1970
	mac := hmac.New(sha1.New, key)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// totpStepOf returns the step that a code belongs to at now; zero: none. All
// that may be are compared, and each in constant time.
func totpStepOf(key []byte, code string, now time.Time) int64 {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	current, found := now.Unix()/int64(totpStep/time.Second), int64(0)
	for d := int64(-totpSkew); d <= totpSkew; d++ {
		if subtle.ConstantTimeCompare([]byte(totpCode(key, current+d)), []byte(code)) == 1 {
			found = current + d
		}
	}
	return found
}

// totpText is the key as people type it into an app.
func totpText(key []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)
}

// totpURI is the key as an app on the same device, or behind a picture, takes
// it.
func totpURI(key []byte, email, host string) string {
	q := url.Values{"secret": {totpText(key)}, "issuer": {"Mintage " + host}}
	return "otpauth://totp/" + url.PathEscape("Mintage "+host+":"+email) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}
