// Command go-oauth2 is go-oauth2 as its README sets it up: memory stores, one
// client whose secret is kept as it is. Arguments: address, opaque or RS256.
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"

	"github.com/go-oauth2/oauth2/v4/generates"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
	"github.com/golang-jwt/jwt/v5"
)

func main() {
	m := manage.NewDefaultManager()
	m.MustTokenStorage(store.NewMemoryTokenStore())
	clients := store.NewClientStore()
	must(clients.Set("bench", &models.Client{ID: "bench", Secret: "bench-secret-0123456789"}))
	m.MapClientStorage(clients)
	if os.Args[2] == "RS256" {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		must(err)
		block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
		m.MapAccessGenerate(generates.NewJWTAccessGenerate("key", pem.EncodeToMemory(block), jwt.SigningMethodRS256))
	}
	s := server.NewDefaultServer(m)
	s.SetClientInfoHandler(server.ClientBasicHandler)
	http.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) { _ = s.HandleTokenRequest(w, r) })
	must(http.ListenAndServe(os.Args[1], nil))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
