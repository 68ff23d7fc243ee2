package agent

import (
	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/internal/yamlfile"
)

// checkCredentials refuses a client without what its authentication needs, or
// with what it does not use.
func (t *TokenConfig) checkCredentials(n yamlfile.Node) {
	_, secret := n.At("client_secret")
	method := consume.Auth(t.Auth)
	switch {
	case method == consume.PrivateKeyJWT && t.KeyFile == "":
		n.KeyErrorf("key_file is missing: the file with the private key, in PEM, that signs for private_key_jwt")
	case method == consume.PrivateKeyJWT && t.Issuer == "":
		n.KeyErrorf("issuer is missing: the server's issuer identifier, or its token URL for servers that want that, which goes into the assertions as aud")
	case method == consume.TLS && t.Certificate.File == "":
		n.KeyErrorf("cert_file is missing: the certificate, in PEM, that is shown for tls_client_auth")
	case (method == consume.PrivateKeyJWT || method == consume.TLS) && secret:
		n.KeyErrorf("client_secret is not used with auth: %s: leave it out", t.Auth)
	case method != consume.PrivateKeyJWT && t.KeyFile+t.KeyID+t.Issuer != "":
		n.KeyErrorf("key_file, key_id and issuer go with auth: private_key_jwt")
	case method != consume.PrivateKeyJWT && method != consume.TLS && !secret:
		n.KeyErrorf("client_secret is missing: say where it is, with { file: PATH }, { env: NAME } or { stdin: true }")
	}
	t.Certificate.check(n)
}

// check refuses a certificate without a key and a key without a certificate.
func (c CertificateFiles) check(n yamlfile.Node) {
	if (c.File == "") != (c.KeyFile == "") {
		n.KeyErrorf("cert_file and cert_key_file go together: the certificate and its private key, in PEM")
	}
}

// load reads what can be read at the start: a file that is wrong is told then,
// and not at the first request.
func (c CertificateFiles) load() error {
	if c.File == "" {
		return nil
	}
	_, err := consume.CertificateFiles(c.File, c.KeyFile)(nil)
	return err
}
