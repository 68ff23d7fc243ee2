package consume_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/jose"
)

// selfEncoded is an access token that says itself when it ends.
func selfEncoded(exp int64) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc(fmt.Appendf(nil, `{"exp":%d}`, exp)) + ".c2ln"
}

// CL-15: whatever our clock shows, a token lives as long as the server says.
func TestExpiryWithWrongClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, time.Hour, -time.Hour, time.Second} {
		for name, body := range map[string]func(server time.Time) string{
			"expires_in": func(time.Time) string { return good },
			"expires_at": func(s time.Time) string {
				return fmt.Sprintf(`{"access_token":"abc","token_type":"Bearer","expires_at":%d}`, s.Add(time.Hour).Unix())
			},
			"exp": func(s time.Time) string {
				return fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer"}`, selfEncoded(s.Add(time.Hour).Unix()))
			},
			"exp beside 0": func(s time.Time) string {
				return fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":0}`, selfEncoded(s.Add(time.Hour).Unix()))
			},
			"doorkeeper": func(s time.Time) string {
				return fmt.Sprintf(`{"access_token":"abc","token_type":"bearer","expires_in":3600,"created_at":%d}`, s.Unix())
			},
		} {
			server := noon.Add(ahead)
			tok, err := source(answer(200, body(server), "Date", server.Format(http.TimeFormat))).Token(t.Context())
			if err != nil || tok.Expires.Sub(noon.Add(time.Hour)).Abs() > 2*time.Second {
				t.Errorf("%s, server ahead by %v: got %v, %v, want an hour from %v", name, ahead, tok.Expires, err, noon)
			}
		}
	}
}

// CL-15, R12: the wall clock jumps while a token is kept, and nobody notices.
func TestWallClockJump(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			wall := time.Duration(0)
			asked := 0
			cc := source(tripper(func(r *http.Request) (*http.Response, error) {
				asked++
				return answer(200, good, "Date", time.Now().Format(http.TimeFormat))(r)
			}))
			cc.Now = func() time.Time { return time.Now().Add(wall) }
			src := &consume.Source{Fetcher: cc}
			defer src.Close()
			for i := range 8 * 60 {
				if i == 100 {
					wall = jump
				}
				if tok, err := src.Token(t.Context()); err != nil || tok == nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
			}
			if asked < 8 || asked > 13 {
				t.Errorf("jump of %v: %d fetches in 8 hours of 1-hour tokens", jump, asked)
			}
		})
	}
}

// CJ-18, CL-15: a client with a wrong clock recovers in one retry, and needs
// none after that.
func TestAssertionWithWrongClock(t *testing.T) {
	t.Parallel()
	key := keys(t)["ES256"]
	for _, ahead := range []time.Duration{time.Hour, -time.Hour, 0} {
		asked := 0
		server := noon.Add(ahead)
		c := source(tripper(func(r *http.Request) (*http.Response, error) {
			asked++
			date := []string{"Date", server.Format(http.TimeFormat)}
			k := must(jose.NewKey(key.Public(), "", jose.ES256))(t)
			_, claims := verified(t, parsed(r).Get("client_assertion"), func(*jose.JWS) *jose.Key { return k })
			now := float64(server.Unix())
			if iat, exp := claims["iat"].(float64), claims["exp"].(float64); iat > now+10 || exp < now-10 {
				return answer(400, `{"error":"invalid_client"}`, date...)(r)
			}
			return answer(200, good, date...)(r)
		}))
		c.Auth, c.Issuer, c.Key = consume.PrivateKeyJWT, "https://auth.example", consume.KeyValue(&consume.SigningKey{Signer: key})
		want := 2
		if ahead == 0 {
			want = 1
		}
		for range 3 {
			if _, err := c.Token(t.Context()); err != nil {
				t.Errorf("server ahead by %v: %v", ahead, err)
			}
			if asked != want {
				t.Errorf("server ahead by %v: %d requests, want %d", ahead, asked, want)
			}
			want++
		}
	}
}

// What a proxy kept says nothing about the time.
func TestDateFromACache(t *testing.T) {
	t.Parallel()
	body := fmt.Sprintf(`{"access_token":"abc","token_type":"Bearer","expires_at":%d}`, noon.Add(time.Hour).Unix())
	for name, header := range map[string][]string{
		"no Date":     nil,
		"an old Date": {"Date", noon.Add(-time.Hour).Format(http.TimeFormat), "Age", "3600"},
		"nonsense":    {"Date", "yesterday"},
	} {
		tok, err := source(answer(200, body, header...)).Token(t.Context())
		if err != nil || !tok.Expires.Equal(noon.Add(time.Hour)) {
			t.Errorf("%s: got %v, %v", name, tok, err)
		}
	}
}

// Tokens of seconds, of no said life, and dead on arrival: consume.md, golang/oauth2#718.
func TestLives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		life        time.Duration // of the token; zero: not said
		assumed     time.Duration
		least, most int // fetches in 10 minutes of 10 calls a second
	}{
		{"8 s", 8 * time.Second, 0, 600 / 8, 600/6 + 1},
		{"1 s", time.Second, 0, 600, 801},
		{"not said", 0, 0, 2, 3},
		{"not said, assumed", 0, time.Minute, 600 / 54, 600/45 + 1},
		{"ended", -time.Second, 0, 550, 801},
		{"two weeks", 14 * 24 * time.Hour, 0, 1, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			from := &issuer{t: t, life: tt.life}
			src := &consume.Source{Fetcher: from, Life: tt.assumed}
			defer src.Close()
			for range 6000 {
				if _, err := src.Token(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if n := int(from.asked.Load()); n < tt.least || n > tt.most {
				t.Errorf("%s: %d fetches, want %d to %d", tt.name, n, tt.least, tt.most)
			}
		})
	}
}

// A foreign Fetcher's JWT says itself when it ends.
func TestLifeOfForeignToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		src := &consume.Source{Fetcher: fetcherFunc(func() (*consume.Token, error) {
			return &consume.Token{Value: selfEncoded(time.Now().Add(20 * time.Minute).Unix())}, nil
		})}
		defer src.Close()
		tok, err := src.Token(t.Context())
		if err != nil || time.Until(tok.Expires).Round(time.Second) != 20*time.Minute || tok.Header()[:7] != "Bearer " {
			t.Errorf("got %v, %v", tok, err)
		}
	})
}
