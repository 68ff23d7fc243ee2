package mint_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/jose"
	"github.com/mintage-auth/mintage/oauth"
)

// members returns the names of an object's members in the order they are
// written, read by encoding/json.
func members(t *testing.T, object []byte) []string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(object)))
	var names []string
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// parts decodes header and payload of a JWT.
func parts(t *testing.T, token string) (header, payload []byte) {
	t.Helper()
	p := strings.Split(token, ".")
	if len(p) != 3 {
		t.Fatalf("%d parts", len(p))
	}
	var err error
	if header, err = base64.RawURLEncoding.DecodeString(p[0]); err != nil {
		t.Fatal(err)
	}
	if payload, err = base64.RawURLEncoding.DecodeString(p[1]); err != nil {
		t.Fatal(err)
	}
	return header, payload
}

// The token of seed 001, by the names of its members.
const (
	seed001Header  = `eyJraWQiOiJmUFdcL1k1RlhBeG9yRGdqeDE0QWswMEYxK2RXdGM3aWhzK2k0WmFXVUNJST0iLCJhbGciOiJSUzI1NiJ9`
	seed001Payload = `eyJzdWIiOiI2YzJuMzhxMnExcGlkMDN2dGp1azVtZDNrMSIsInRva2VuX3VzZSI6ImFjY2VzcyIsInNjb3BlIjoib3R0by1kZXYtYXBpLXJlc291cmNlLXNlcnZlclwvYXBpLnJlYWQgb3R0by1kZXYtYXBpLXJlc291cmNlLXNlcnZlclwvYXBpLndyaXRlIiwiYXV0aF90aW1lIjoxNjM2OTM4MTkyLCJpc3MiOiJodHRwczpcL1wvY29nbml0by1pZHAudXMtZWFzdC0xLmFtYXpvbmF3cy5jb21cL3VzLWVhc3QtMV9YUkpjc0ljbjgiLCJleHAiOjE2MzY5NDE3OTIsImlhdCI6MTYzNjkzODE5MiwidmVyc2lvbiI6MiwianRpIjoiMDI0YTRiMzEtYjQ4My00ZmJiLTgyMmQtMTc2ZWZlZTYzYWZmIiwiY2xpZW50X2lkIjoiNmMybjM4cTJxMXBpZDAzdnRqdWs1bWQzazEifQ`
)

// Minted for the client, scope and issuer of seed 001, the token differs from
// the seed's in times, jti, kid and signature alone.
func TestCognitoIsSeed001(t *testing.T) {
	t.Parallel()
	seedHeader, seedPayload := parts(t, seed001Header+"."+seed001Payload+".")
	m, _, _ := newMinter(t, "RS256")
	az := decision(settings(mintage.FormatJWT, "RS256", mintage.ClaimsCognito))
	az.Tenant.Issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_XRJcsIcn8"
	az.Client.ID, az.Subject = "6c2n38q2q1pid03vtjuk5md3k1", "6c2n38q2q1pid03vtjuk5md3k1"
	az.Scope = oauth.NewScope("otto-dev-api-resource-server/api.read", "otto-dev-api-resource-server/api.write")
	tok := mustMint(t, m, az)
	header, payload := parts(t, tok.Value)
	if got, want := members(t, header), members(t, seedHeader); !slices.Equal(got, want) {
		t.Errorf("header %q, want %q", got, want)
	}
	if got, want := members(t, payload), members(t, seedPayload); !slices.Equal(got, want) {
		t.Errorf("claims %q, want %q", got, want)
	}
	var got, want map[string]any
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(seedPayload, &want); err != nil {
		t.Fatal(err)
	}
	issued, seedIssued := got["iat"].(float64), want["iat"].(float64)
	for _, name := range []string{"auth_time", "iat", "exp"} {
		if after, seedAfter := got[name].(float64)-issued, want[name].(float64)-seedIssued; after != seedAfter {
			t.Errorf("%s is %v s after iat, want %v", name, after, seedAfter)
		}
	}
	for _, name := range []string{"auth_time", "iat", "exp", "jti"} {
		delete(got, name)
		delete(want, name)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("claims (-seed +ours):\n%s", d)
	}
}

// Header and payload, byte for byte, of each profile.
func TestProfiles(t *testing.T) {
	t.Parallel()
	const iat, exp = 1795262400, 1795266000
	for _, c := range []struct {
		name          string
		alg           string
		claims        mintage.ClaimsProfile
		change        func(*mintage.Authorization)
		header, claim string
	}{
		{
			"rfc", "ES256", mintage.ClaimsRFC, nil,
			`{"alg":"ES256","kid":"KID","typ":"at+jwt"}`,
			`{"iss":"https://auth.example/prod","sub":"mc_1","aud":"https://api.example","client_id":"mc_1","scope":"orders/read orders/write","iat":IAT,"exp":EXP,"jti":"JTI"}`,
		},
		{
			"rfc, two audiences", "RS256", mintage.ClaimsRFC,
			func(az *mintage.Authorization) { az.Audience = []string{"https://b.example", "a"} },
			`{"alg":"RS256","kid":"KID","typ":"at+jwt"}`,
			`{"iss":"https://auth.example/prod","sub":"mc_1","aud":["https://b.example","a"],"client_id":"mc_1","scope":"orders/read orders/write","iat":IAT,"exp":EXP,"jti":"JTI"}`,
		},
		{
			"rfc, no scope", "ES256", mintage.ClaimsRFC,
			func(az *mintage.Authorization) { az.Scope = nil },
			`{"alg":"ES256","kid":"KID","typ":"at+jwt"}`,
			`{"iss":"https://auth.example/prod","sub":"mc_1","aud":"https://api.example","client_id":"mc_1","iat":IAT,"exp":EXP,"jti":"JTI"}`,
		},
		{
			"rfc, what JSON escapes", "ES256", mintage.ClaimsRFC,
			func(az *mintage.Authorization) {
				az.Client.ID, az.Subject = "a\"b\\c\n\x00<é>", "\u2028"
				az.Scope = oauth.Scope{`a"b`, `c`}
			},
			`{"alg":"ES256","kid":"KID","typ":"at+jwt"}`,
			`{"iss":"https://auth.example/prod","sub":"` + "\u2028" + `","aud":"https://api.example","client_id":"a\"b\\c\u000a\u0000<é>","scope":"a\"b c","iat":IAT,"exp":EXP,"jti":"JTI"}`,
		},
		{
			"cognito", "RS256", mintage.ClaimsCognito, nil,
			`{"kid":"KID","alg":"RS256"}`,
			`{"sub":"mc_1","token_use":"access","scope":"orders/read orders/write","auth_time":IAT,"iss":"https://auth.example/prod","exp":EXP,"iat":IAT,"version":2,"jti":"JTI","client_id":"mc_1"}`,
		},
		{
			"cognito needs no audience", "ES256", mintage.ClaimsCognito,
			func(az *mintage.Authorization) { az.Audience = nil; az.Scope = nil },
			`{"kid":"KID","alg":"ES256"}`,
			`{"sub":"mc_1","token_use":"access","auth_time":IAT,"iss":"https://auth.example/prod","exp":EXP,"iat":IAT,"version":2,"jti":"JTI","client_id":"mc_1"}`,
		},
		{
			"myparcel", "RS256", mintage.ClaimsMyParcel, nil,
			`{"typ":"JWT","alg":"RS256","kid":"KID"}`,
			`{"iss":"https://auth.example/prod","sub":"mc_1","aud":"https://api.example","client_id":"mc_1","scope":"orders/read orders/write","iat":IAT,"exp":EXP,"jti":"JTI","scopes":["orders/read","orders/write"]}`,
		},
		{
			"myparcel, no scope", "RS256", mintage.ClaimsMyParcel,
			func(az *mintage.Authorization) { az.Scope = nil },
			`{"typ":"JWT","alg":"RS256","kid":"KID"}`,
			`{"iss":"https://auth.example/prod","sub":"mc_1","aud":"https://api.example","client_id":"mc_1","iat":IAT,"exp":EXP,"jti":"JTI","scopes":[]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, r, _ := newMinter(t, c.alg)
			az := decision(settings(mintage.FormatJWT, c.alg, c.claims))
			if c.change != nil {
				c.change(az)
			}
			tok := mustMint(t, m, az)
			jws, err := jose.Parse(tok.Value)
			if err != nil {
				t.Fatal(err)
			}
			key, ok := r.ring.Key(jws.KeyID, now)
			if !ok {
				t.Fatalf("no key %q", jws.KeyID)
			}
			if err := jws.Verify(key); err != nil {
				t.Error(err)
			}
			fill := strings.NewReplacer("KID", key.ID(), "JTI", tok.JTI, "IAT", fmt.Sprint(iat), "EXP", fmt.Sprint(exp)).Replace
			header, payload := parts(t, tok.Value)
			if got, want := string(header), fill(c.header); got != want {
				t.Errorf("header\n%s, want\n%s", got, want)
			}
			if got, want := string(payload), fill(c.claim); got != want {
				t.Errorf("payload\n%s, want\n%s", got, want)
			}
			if !json.Valid(payload) {
				t.Error("the payload is no JSON")
			}
			if tok.Alg != c.alg || tok.Format != mintage.FormatJWT || !tok.Scope.Equal(az.Scope) {
				t.Errorf("token = %+v", tok)
			}
			if tok.IssuedAt.Unix() != iat || tok.Expires.Unix() != exp || tok.IssuedAt.Nanosecond() != 0 {
				t.Errorf("from %s to %s", tok.IssuedAt, tok.Expires)
			}
		})
	}
}

// A key that is not active yet signs nothing, and the next one takes over when
// it is time.
func TestMintUsesTheKeyOfTheMoment(t *testing.T) {
	t.Parallel()
	m, _, _ := newMinter(t, "ES256")
	az := decision(settings(mintage.FormatJWT, "ES256", mintage.ClaimsRFC))
	mustMint(t, m, az)
	m.Now = func() time.Time { return now.Add(-time.Hour) }
	if tok, err := m.Mint(t.Context(), az); err == nil {
		t.Errorf("Mint before the key signs: %s", tok.JTI)
	}
}

// The jti is a UUIDv7 of the moment of the mint, in milliseconds.
func TestJTI(t *testing.T) {
	t.Parallel()
	m, _, _ := newMinter(t)
	tok := mustMint(t, m, decision(settings(mintage.FormatStored, "", "")))
	form := regexp.MustCompile(`^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	parts := form.FindStringSubmatch(tok.JTI)
	if parts == nil {
		t.Fatalf("jti %q", tok.JTI)
	}
	var ms int64
	if _, err := fmt.Sscanf(parts[1]+parts[2], "%x", &ms); err != nil || ms != now.UnixMilli() {
		t.Errorf("jti %q of %d, want %d", tok.JTI, ms, now.UnixMilli())
	}
}
