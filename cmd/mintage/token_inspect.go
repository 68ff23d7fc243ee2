package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mintage-auth/mintage/internal/jose"
)

func (a *app) tokenInspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE|-",
		Short: "Decode a JWT and say what its claims mean; nothing is checked and nothing leaves this machine",
		Example: `  pbpaste | mintage token inspect -
  mintage token inspect token.jwt -o json
  mintage token inspect token.jwt --jq .claims.scope`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			token, err := a.readToken(args[0])
			if err != nil {
				return err
			}
			return a.tokenInspect(token)
		},
	}
}

// inspection is what token inspect prints.
type inspection struct {
	Header           json.RawMessage `json:"header"`
	Claims           json.RawMessage `json:"claims"`
	SignatureChecked bool            `json:"signature_checked"`    // always false
	ExpiresIn        *int64          `json:"expires_in,omitempty"` // seconds; negative when it has expired
}

func (a *app) tokenInspect(token string) error {
	in, err := decodeToken(token)
	if err != nil {
		return err
	}
	var header, claims map[string]json.RawMessage
	if json.Unmarshal(in.Header, &header) != nil || json.Unmarshal(in.Claims, &claims) != nil {
		return &failure{code: exitNo, what: "this is no access token", why: "header and claims must be JSON objects"}
	}
	now := time.Now()
	rows := memberRows(header, headerMeanings(), now)
	rows = append(rows, memberRows(claims, claimMeanings(), now)...)
	rows = append(rows, []string{"signature", "not checked", "mintage token verify checks it"})
	if exp, ok := seconds1970(claims["exp"]); ok {
		left := int64(exp.Sub(now).Round(time.Second).Seconds())
		in.ExpiresIn = &left
	}
	return a.print(result{doc: in, rows: rows})
}

// decodeToken takes a JWT apart and checks nothing.
func decodeToken(token string) (*inspection, error) {
	if strings.Count(token, ".") < 2 {
		return nil, &failure{
			code: exitUsage, what: "this is no JWT", why: "a token without dots in it is opaque: only its server can say what it is",
			fix: "mintage token introspect",
		}
	}
	j, err := jose.Parse(token)
	if err != nil {
		return nil, &failure{code: exitNo, what: "this JWT cannot be read", why: err.Error()}
	}
	segment, _, _ := strings.Cut(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil || !json.Valid(j.Payload) {
		return nil, &failure{code: exitNo, what: "this JWT cannot be read", why: "its payload is no JSON"}
	}
	return &inspection{Header: header, Claims: j.Payload}, nil
}

// meaning is what a member of a token says, in the order in which people look.
type meaning struct{ name, text string }

func headerMeanings() []meaning {
	return []meaning{
		{"typ", "kind of token; at+jwt is an access token (RFC 9068)"},
		{"alg", "how it is signed"},
		{"kid", "which key signed it"},
	}
}

func claimMeanings() []meaning {
	return []meaning{
		{"iss", "who issued it"},
		{"sub", "whom it speaks for"},
		{"client_id", "the client that asked for it"},
		{"aud", "the API that it is for"},
		{"scope", "what it allows"},
		{"scopes", "what it allows"},
		{"token_use", "what Cognito calls the kind of token"},
		{"exp", "when it ends"},
		{"iat", "when it was issued"},
		{"nbf", "before this it is not valid"},
		{"auth_time", "when the client said who it is"},
		{"version", "version of Cognito's claims"},
		{"cnf", "the key that its bearer must prove to have (RFC 7800)"},
		{"jti", "its identifier, for revoking it"},
	}
}

// memberRows lists the members that have a known meaning, then the others.
func memberRows(members map[string]json.RawMessage, known []meaning, now time.Time) [][]string {
	var rows [][]string
	for _, m := range known {
		if raw, ok := members[m.name]; ok {
			rows = append(rows, []string{m.name, showMember(m.name, raw, now), m.text})
		}
	}
	for _, name := range sortedKeys(members) {
		if !slices.ContainsFunc(known, func(m meaning) bool { return m.name == name }) {
			rows = append(rows, []string{name, showMember(name, members[name], now), ""})
		}
	}
	return rows
}

// showMember returns a value as people read it: text without quotes, times as
// dates.
func showMember(name string, raw json.RawMessage, now time.Time) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	switch name {
	case "exp", "iat", "nbf", "auth_time":
		if t, ok := seconds1970(raw); ok {
			return when(t) + ", " + relative(t.Sub(now))
		}
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, " ")
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	return compact.String()
}

// seconds1970 reads a NumericDate (RFC 7519 §2).
func seconds1970(raw json.RawMessage) (time.Time, bool) {
	const latest = 253402300799 // the end of the year 9999
	var n float64
	if raw == nil || json.Unmarshal(raw, &n) != nil || n < 0 || n > latest {
		return time.Time{}, false
	}
	return time.Unix(int64(n), 0), true
}

// relative says how far away something is.
func relative(d time.Duration) string {
	if d < 0 {
		return humanDuration(-d) + " ago"
	}
	return "in " + humanDuration(d)
}

// humanDuration prints a duration by its two largest units at most.
func humanDuration(d time.Duration) string {
	const day = 24 * time.Hour
	d = d.Round(time.Second)
	s := int64(d / time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", s)
	case d < time.Hour:
		return fmt.Sprintf("%d min", s/60)
	case d >= 2*day:
		return fmt.Sprintf("%d days", s/int64(day/time.Second))
	case s/60%60 == 0:
		return fmt.Sprintf("%d h", s/3600)
	}
	return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
}
