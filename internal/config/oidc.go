package config

import (
	"errors"
	"strings"

	"github.com/mintage-auth/mintage"
)

// OIDC says by which OpenID provider operators may sign in to the console.
// Without an Issuer there is none.
type OIDC struct {
	Name             string // on the button; empty: the issuer's host
	Issuer           string
	ClientID         string
	ClientSecretFile string
	ClientSecret     string // read from the file
}

// maxSecretFile bounds what is read of a file that holds a secret, in bytes.
const maxSecretFile = 4 << 10

func oidcSettings() []Setting {
	return []Setting{
		{
			Path: "oidc.issuer", Usage: "issuer of the OpenID provider by which operators may sign in to the console",
			set: func(s *Server, v string) error { return setProvider(&s.OIDC.Issuer, v) },
		},
		{
			Path: "oidc.client_id", Usage: "client id of the console at the OpenID provider",
			set: func(s *Server, v string) error { s.OIDC.ClientID = v; return nil },
		},
		{
			Path: "oidc.client_secret_file", Usage: "file that holds the client secret of the console at the OpenID provider", path: true,
			set: func(s *Server, v string) error { s.OIDC.ClientSecretFile = v; return nil },
		},
		{
			Path: "oidc.name", Usage: "what the OpenID provider is called on the console's button; default the host of its issuer",
			set: func(s *Server, v string) error { s.OIDC.Name = v; return nil },
		},
	}
}

// setProvider takes an issuer as the provider spells it: one may end with a
// slash, and its tokens say so.
func setProvider(dst *string, v string) error {
	*dst = v
	if v == "" {
		return nil
	}
	return sentence(mintage.ValidateIssuer(strings.TrimSuffix(v, "/")))
}

// readOIDC reads the secret from its file, and refuses a provider of which half
// is said.
func (s *Server) readOIDC() error {
	o := &s.OIDC
	switch {
	case o.Issuer == "" && o.ClientID == "" && o.ClientSecretFile == "" && o.Name == "":
		return nil
	case o.Issuer == "":
		return s.refusal("oidc.issuer", " is missing: name the provider, or leave out the other settings of oidc")
	case o.ClientID == "":
		return s.refusal("oidc.client_id", " is missing: register the console at the provider")
	case o.ClientSecretFile == "":
		return s.refusal("oidc.client_secret_file", " is missing: put the secret that the provider gave you into a file")
	}
	data, err := readBounded(o.ClientSecretFile, maxSecretFile)
	if err == nil && strings.TrimSpace(string(data)) == "" {
		err = errors.New("the file is empty")
	}
	if err != nil {
		return s.refusal("oidc.client_secret_file", ": "+err.Error())
	}
	o.ClientSecret = strings.TrimSpace(string(data))
	return nil
}
