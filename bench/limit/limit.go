// Package limit is the bare net/http server that the product is compared with:
// it answers as fast as net/http lets it. It has no tenants, no clients but one,
// no scopes, no database, no log and no metrics.
package limit

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Client and Secret are what the server knows.
const (
	Client = "limit-client"
	Secret = "limit-secret-0123456789abcdefghijklmnopqrstuv"
)

// Server is the http.Handler. Make one with New.
type Server struct {
	fixed   []byte // the answer of /fixed
	secret  [sha256.Size]byte
	signers map[string]func(input []byte) []byte
	header  map[string]string // of a JWT, encoded
	buffers sync.Pool
}

// New returns a server whose answer of /fixed has the given size in bytes.
func New(size int) (*Server, error) {
	s := &Server{
		fixed:  []byte(`{"pad":"` + strings.Repeat("x", max(0, size-10)) + `"}`),
		secret: sha256.Sum256([]byte(Secret)), header: map[string]string{},
	}
	s.buffers.New = func() any { return new([4096]byte) }
	if err := s.makeKeys(); err != nil {
		return nil, err
	}
	for path := range s.signers {
		alg := strings.ToUpper(path[1:])
		if path == "/eddsa" {
			alg = "EdDSA"
		}
		s.header[path] = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","kid":"0123456789abcdef","typ":"at+jwt"}`))
	}
	return s, nil
}

func (s *Server) makeKeys() error {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	s.signers = map[string]func([]byte) []byte{
		"/es256": func(in []byte) []byte {
			sum := sha256.Sum256(in)
			der, err := ecdsa.SignASN1(rand.Reader, ec, sum[:])
			if err != nil {
				return nil
			}
			var sig struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(der, &sig); err != nil {
				return nil
			}
			out := make([]byte, 64)
			sig.R.FillBytes(out[:32])
			sig.S.FillBytes(out[32:])
			return out
		},
		"/rs256": func(in []byte) []byte {
			sum := sha256.Sum256(in)
			out, err := rsa.SignPKCS1v15(nil, rs, crypto.SHA256, sum[:])
			if err != nil {
				return nil
			}
			return out
		},
		"/eddsa": func(in []byte) []byte { return ed25519.Sign(ed, in) },
	}
	return nil
}

// ServeHTTP reads the request whole and answers by its path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	buffer, ok := s.buffers.Get().(*[4096]byte)
	if !ok {
		return
	}
	defer s.buffers.Put(buffer)
	n := 0
	for n < len(buffer) {
		m, err := r.Body.Read(buffer[n:])
		n += m
		if err != nil {
			break
		}
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json;charset=UTF-8"}
	h["Cache-Control"] = []string{"no-store"}
	h["Pragma"] = []string{"no-cache"}
	if r.URL.Path == "/fixed" {
		_, _ = w.Write(s.fixed)
		return
	}
	if err := s.check(r.Header.Get("Authorization"), string(buffer[:n])); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	out := make([]byte, 0, 1536)
	out = append(out, `{"access_token":"`...)
	if sign := s.signers[r.URL.Path]; sign != nil {
		out = s.appendJWT(out, r.URL.Path, sign)
	} else {
		out = appendOpaque(out)
	}
	out = append(out, `","token_type":"Bearer","expires_in":3600,"scope":"orders/read"}`...)
	_, _ = w.Write(out)
}

// check parses the form and compares the secret.
func (s *Server) check(authorization, body string) error {
	var raw [256]byte
	basic, ok := strings.CutPrefix(authorization, "Basic ")
	if !ok || len(basic) > 256 {
		return errors.New("basic")
	}
	n, err := base64.StdEncoding.Decode(raw[:], []byte(basic))
	if err != nil {
		return err
	}
	id, secret, _ := strings.Cut(string(raw[:n]), ":")
	sum := sha256.Sum256([]byte(secret))
	if id != Client || subtle.ConstantTimeCompare(sum[:], s.secret[:]) != 1 {
		return errors.New("secret")
	}
	grant := ""
	for pair := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if value, err = url.QueryUnescape(value); err != nil {
			return err
		}
		if name == "grant_type" {
			grant = value
		}
	}
	if grant != "client_credentials" {
		return errors.New("grant")
	}
	return nil
}

// appendJWT appends a token with the claims of RFC 9068.
func (s *Server) appendJWT(out []byte, path string, sign func([]byte) []byte) []byte {
	begin := len(out)
	now := time.Now().Unix()
	var jti [16]byte
	_, _ = rand.Read(jti[:])
	claims := make([]byte, 0, 512)
	claims = append(claims, `{"iss":"http://127.0.0.1:20000","sub":"`+Client+`","aud":"https://api.bench.example","client_id":"`+
		Client+`","scope":"orders/read","iat":`...)
	claims = strconv.AppendInt(claims, now, 10)
	claims = append(claims, `,"exp":`...)
	claims = strconv.AppendInt(claims, now+3600, 10)
	claims = append(claims, `,"jti":"`...)
	claims = hex.AppendEncode(claims, jti[:])
	claims = append(claims, `"}`...)
	out = append(out, s.header[path]...)
	out = append(out, '.')
	out = base64.RawURLEncoding.AppendEncode(out, claims)
	sig := sign(out[begin:])
	out = append(out, '.')
	return base64.RawURLEncoding.AppendEncode(out, sig)
}

// appendOpaque appends a random token, after the hash that its row would have.
func appendOpaque(out []byte) []byte {
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	sum := sha256.Sum256(raw[:])
	_ = sum
	return hex.AppendEncode(out, raw[:])
}
