package console

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/explain"
)

func verifyRoutes() []route {
	return []route{{pattern: "POST /t/{tenant}/clients/{id}/verify", access: member, scope: "clients:write", handle: (*console).verifyClient}}
}

// verified is what came of trying a client's credentials.
type verified struct {
	OK       bool
	Scope    string
	Lifetime time.Duration
	Took     time.Duration
	Status   int
	Error    string // of the answer
	Detail   string
	Trace    string
	Cause    string // of the error, where there is a page about it
	Back     string
}

// verifyClient asks the token endpoint for a token, as the client would, and
// throws the token away. It is the same endpoint in this process: the request
// is in the log as any other.
func (c *console) verifyClient(ctx context.Context, q *request) (*answer, error) {
	cl, err := c.ownClient(ctx, q, q.value("id"))
	if err != nil {
		return nil, err
	}
	if c.cfg.Public == nil || q.tenant.ID == mintage.BuiltInTenant {
		return nil, mintage.ErrNotFound
	}
	began := c.cfg.Now()
	res, err := c.askToken(ctx, q, cl, q.text("secret"))
	if err != nil {
		return nil, err
	}
	v := readToken(res)
	v.Took, v.Back = c.cfg.Now().Sub(began), link(q.tenant.ID, "clients", cl.ID)
	return shown("verified", "clients", "Verify "+cl.Name, v), nil
}

// askToken sends a token request with a client's credentials in the body.
func (c *console) askToken(ctx context.Context, q *request, cl *mintage.Client, secret string) (*heard, error) {
	path, _ := endpointOf(q.tenant, cl)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {cl.ID}, "client_secret": {secret}}
	servers, err := c.manager.ResourceServers(ctx, q.tenant.ID, "", 0)
	if err != nil {
		return nil, err
	}
	if scope := wireScope(cl, servers); len(scope) > 0 {
		form.Set("scope", scope.String())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, q.tenant.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.inside(q, r), nil
}

// fetch reads a public document, within the process.
func (c *console) fetch(ctx context.Context, q *request, at string) (*heard, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, err
	}
	return c.inside(q, r), nil
}

// inside sends a request to the public listener's handler, from where q comes.
func (c *console) inside(q *request, r *http.Request) *heard {
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), q.r.RemoteAddr
	r.Header.Set("User-Agent", "mintage console")
	if r.URL.Scheme == "https" {
		r.TLS = &tls.ConnectionState{} // it does not leave the process
	}
	h := &heard{header: http.Header{}, status: http.StatusOK}
	c.cfg.Public.ServeHTTP(h, r)
	return h
}

// heard takes the place of a client and keeps the answer.
type heard struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (h *heard) Header() http.Header { return h.header }

// WriteHeader implements http.ResponseWriter.
func (h *heard) WriteHeader(status int) { h.status = status }

// Write implements http.ResponseWriter.
func (h *heard) Write(p []byte) (int, error) { return h.body.Write(p) }

// readToken reads the answer of a token endpoint in any dialect.
func readToken(h *heard) *verified {
	var body struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	v := &verified{Status: h.status, Trace: h.header.Get("X-Request-Id")}
	if err := json.Unmarshal(h.body.Bytes(), &body); err != nil {
		v.Error = "the answer is not JSON"
		return v
	}
	v.OK = h.status == http.StatusOK && body.AccessToken != ""
	v.Scope, v.Lifetime, v.Error, v.Detail = body.Scope, time.Duration(body.ExpiresIn)*time.Second, body.Error, body.Description
	if r, ok := explain.Lookup(v.Error); ok {
		v.Cause = r.Cause
	}
	return v
}
