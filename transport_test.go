package mintage_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/consume"
)

// TL-03: what calls a server checks its certificate, and nothing in the source
// can switch that off.
func TestCertificatesAreChecked(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	plain := &http.Client{Timeout: time.Minute}
	cc := &consume.ClientCredentials{TokenURL: s.URL, ClientID: "x", Secret: consume.SecretValue("y"), HTTPClient: plain}
	if _, err := cc.Token(t.Context()); !unknownAuthority(err) {
		t.Errorf("consume: %v", err)
	}
	token := func(context.Context) (string, error) { return "t", nil }
	api := &adminclient.Client{BaseURL: s.URL, HTTP: plain, Token: token}
	if _, err := api.Tenant(t.Context(), "x"); !unknownAuthority(err) {
		t.Errorf("adminclient: %v", err)
	}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "InsecureSkipVerify") {
			t.Errorf("%s has InsecureSkipVerify", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func unknownAuthority(err error) bool {
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok
}
