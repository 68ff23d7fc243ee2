package agent

import (
	"fmt"
	"net/http"
	"time"
)

// Counted is what becomes of an answer's body after some seconds, and whether
// it is kept at all.
func Counted(body []byte, gone int64) ([]byte, bool) {
	token, counts := readAnswer(body)
	p := &reply{body: body, counts: counts}
	if token == "" {
		return nil, false
	}
	return p.counted(max(gone, 0)), true
}

// Repeatable reports whether the answer to a request may be kept.
func Repeatable(media, query, body string) bool {
	q := &tokenRequest{header: http.Header{"Content-Type": {media}}, query: query, body: []byte(body)}
	return q.repeatable()
}

// Renewal draws when a token with a life is renewed at a caching endpoint.
func Renewal(life time.Duration) time.Duration {
	body := fmt.Appendf(nil, `{"access_token":"a","expires_in":%.0f}`, life.Seconds())
	return newReply(&http.Response{StatusCode: http.StatusOK}, body, time.Now(), 0).renew
}
