package console

import (
	"encoding/base64"
	"net/http"
	"time"
	"unicode/utf8"
)

// Cookies. The prefix __Host- keeps other hosts and paths from setting them.
const (
	// SessionCookie holds who is signed in; internal/people knows its value.
	SessionCookie = "__Host-mintage"
	flashCookie   = "__Host-mintage-message"
	themeCookie   = "__Host-mintage-theme"

	flashLife = time.Minute
	themeLife = 365 * 24 * time.Hour

	maxMessage = 400 // bytes
)

// newCookie returns a cookie that scripts cannot read and other sites do not
// send (RFC 6265bis: __Host- needs Secure and the path /).
func newCookie(name, value string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// endCookie returns what makes the browser forget a cookie.
func endCookie(name string) *http.Cookie {
	return newCookie(name, "", -time.Second)
}

// messageCookie carries a message to the next page.
func messageCookie(text string) *http.Cookie {
	if len(text) > maxMessage {
		text = text[:maxMessage]
	}
	return newCookie(flashCookie, base64.RawURLEncoding.EncodeToString([]byte(text)), flashLife)
}

// message returns what the page before left to say.
func (q *request) message() string {
	text, err := base64.RawURLEncoding.DecodeString(q.cookie(flashCookie))
	if err != nil || len(text) > maxMessage || !utf8.Valid(text) {
		return ""
	}
	return string(text)
}

// theme returns light or dark; empty: as the system is.
func (q *request) theme() string {
	switch t := q.cookie(themeCookie); t {
	case "light", "dark":
		return t
	}
	return ""
}
