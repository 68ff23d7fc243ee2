package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/mintage-auth/mintage/internal/server"
	"github.com/mintage-auth/mintage/internal/store/sqlstore/sqltest"
)

// TestRequestLogHoldsNoSecret (AD-14) puts a secret wherever a request has room
// for one, and looks for it, in six encodings, in answers, log, metrics and
// database.
func TestRequestLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	r := start(t, server.Config{})
	id, secret := r.demo.ClientID, r.demo.Secret
	var answers strings.Builder
	post := func(path, user, password string, form url.Values) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.public+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if user != "" {
			req.SetBasicAuth(user, password)
		}
		a := r.do(req)
		answers.WriteString(a.body)
		_ = a.header.Write(&answers)
	}
	grant := func(more ...string) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return form
	}
	const path = "/oauth2/token"
	post(path, id, secret+"\n", grant())
	post(path, secret, id, grant())
	post(path, "", "", grant("client_id", secret, "client_secret", id))
	post(path, "", "", grant("client_id", id, "client_secret", secret[:len(secret)-1]))
	post(path, id, secret, grant("scope", secret))
	post(path, id, secret, grant("resource", "https://api.example/"+secret))
	post(path, id, secret, grant(secret, "1", "secret", secret))
	post(path, id, secret, url.Values{"grant_type": {secret}})
	post(path+"?client_secret="+secret, id, "", grant())
	post("/oauth/token?client_id="+id+"&client_secret="+secret, "", "", grant())
	post("/oauth2/introspect", id, "x"+secret, url.Values{"token": {secret}})
	post("/oauth2/revoke", id, secret, url.Values{"token": {secret}, "token_type_hint": {secret}})
	outputs := map[string][]byte{"the metrics": []byte(r.get(r.admin + "/metrics").body)}
	r.stop() // what was collected is on disk now
	outputs["an answer"], outputs["the log"] = []byte(answers.String()), []byte(r.log.String())
	found := false
	for name, text := range sqltest.Dump(t, r.data) {
		outputs[name] = text
		found = found || bytes.Contains(text, []byte("auth.whitespace"))
	}
	if !found {
		t.Error("the database has no request that was looked at again: the test has gone blind")
	}
	body := secret[len("mint_test_") : len(secret)-1] // one that was cut off is no less a secret
	for where, text := range outputs {
		for i, form := range []string{
			body, url.QueryEscape(body), hex.EncodeToString([]byte(body)), base64.StdEncoding.EncodeToString([]byte(secret)),
			base64.RawURLEncoding.EncodeToString([]byte(id + ":" + secret))[:40], strconv.Quote(secret),
		} {
			if bytes.Contains(text, []byte(form)) {
				t.Errorf("%s holds the secret, in encoding %d", where, i)
			}
		}
	}
}
