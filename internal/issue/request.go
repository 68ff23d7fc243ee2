package issue

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/oauth"
)

// Bounds of a request, in bytes.
const (
	// maxBody is far more than an honest request has: a client assertion and a
	// long scope are 20 KB.
	maxBody   = 64 << 10
	maxHeader = 16 << 10
)

// Request is a request, read once. Nothing after reading looks at the HTTP
// request again.
type Request struct {
	GrantType oauth.GrantType
	Scope     string // as sent
	Resources []string
	Audiences []string
	Token     string   // of introspection and revocation
	Proofs    []string // values of the header DPoP
	Path      string   // of the URL, as it was sent; set where there are Proofs

	Auth clientauth.Request
}

// read reads r in the way of the dialect. What it could find out goes into x
// even when it fails.
func (x *exchange) read(r *http.Request, known params) (*Request, error) {
	query, body, req := &x.query, &x.form, &x.req
	query.known, body.known = known, known
	if err := x.readQuery(r.URL.RawQuery, query); err != nil {
		return nil, err
	}
	req.Auth = clientauth.Request{
		Authorization:  r.Header["Authorization"],
		QueryClientID:  query.value[paramClientID],
		QuerySecret:    query.value[paramClientSecret],
		QueryAssertion: query.seen&(1<<paramAssertion) != 0 && query.value[paramAssertion] != "",
		QueryAllowed:   x.dialect.Query,
		Peer:           x.peer.Addr,
	}
	x.shown = &req.Auth
	err := x.readBody(r, body)
	if (req.Auth.QuerySecret != "" || req.Auth.QueryAssertion) && !x.dialect.Query {
		// Whoever puts secrets into the URL learns that first, whatever else is
		// wrong.
		req.Auth.ClientID = body.value[paramClientID]
		return nil, oauth.InvalidRequest("query.credentials", "credentials in the URL are not accepted")
	}
	if err != nil {
		return nil, err
	}
	if x.dialect.Query {
		if err := body.merge(query); err != nil {
			return nil, err
		}
	} else {
		body.ignored = append(body.ignored, query.ignored...)
	}
	x.ignored(known, body.ignored)
	req.fill(body)
	if req.Proofs = r.Header["Dpop"]; len(req.Proofs) > 0 {
		req.Path = r.URL.EscapedPath()
	}
	return req, nil
}

func (req *Request) fill(v *values) {
	req.GrantType = oauth.GrantType(v.value[paramGrantType])
	req.Scope = v.value[paramScope]
	req.Resources, req.Audiences = v.resources, v.audiences
	req.Token = v.value[paramToken]
	req.Auth.ClientID = v.value[paramClientID]
	req.Auth.Secret = v.value[paramClientSecret]
	req.Auth.Assertion, req.Auth.AssertionType = v.value[paramAssertion], v.value[paramAssertionType]
}

// readQuery reads the query. A dialect that takes no parameters from it looks
// for credentials alone, which must not be there; known parameters are ignored
// and noted, and what is no parameter at all is part of the endpoint's URL (RFC
// 6749 §3.2).
func (x *exchange) readQuery(raw string, v *values) error {
	if x.dialect.Query {
		return asError(v.readForm(raw))
	}
	if raw == "" {
		return nil
	}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, ok := splitPair(pair)
		p, isKnown := v.known.lookup(name)
		if !ok || !isKnown {
			continue
		}
		v.ignore(name)
		if v.value[p] == "" {
			v.value[p] = value
			v.seen |= 1 << p
		}
	}
	return nil
}

// readBody reads the body by its media type.
func (x *exchange) readBody(r *http.Request, v *values) error {
	if len(r.Header["Content-Encoding"]) > 0 && r.Header["Content-Encoding"][0] != "" {
		return oauth.InvalidRequest("body.type", "the body is compressed: send it as it is")
	}
	body, err := boundedBody(x.w, r)
	if err != nil {
		return err
	}
	if body == "" && x.dialect.Query {
		return nil // every parameter may be in the query
	}
	kind, err := x.mediaType(r.Header["Content-Type"])
	switch {
	case err != nil:
		return err
	case kind == mediaJSON:
		return asError(v.readJSON(body))
	}
	return asError(v.readForm(body))
}

// asError keeps a nil *oauth.Error from becoming an error that is not nil.
func asError(err *oauth.Error) error {
	if err == nil {
		return nil
	}
	return err
}

// bodies holds buffers that request bodies are read into.
var bodies = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, 2<<10)) }}

// boundedBody returns the body as a string, which parameters are cut from. The
// buffer is wiped: a secret was in it.
func boundedBody(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.ContentLength == 0 || r.Body == nil {
		return "", nil
	}
	buf, _ := bodies.Get().(*bytes.Buffer)
	defer func() {
		clear(buf.Bytes())
		buf.Reset()
		bodies.Put(buf)
	}()
	body := r.Body
	if r.ContentLength < 0 || r.ContentLength > maxBody { // else net/http lets no more through
		body = http.MaxBytesReader(w, body, maxBody)
	}
	_, err := buf.ReadFrom(body)
	if err == nil {
		return buf.String(), nil
	}
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	if tooLarge {
		return "", oauth.RequestTooLarge("the body is larger than 65536 bytes")
	}
	return "", oauth.InvalidRequest("body.malformed", "the body ended early")
}

// checkHeader bounds the header. net/http has a bound of its own, and answers
// in plain text.
func checkHeader(r *http.Request) error {
	size := len(r.RequestURI)
	for name, lines := range r.Header {
		for _, line := range lines {
			size += len(name) + len(": \r\n") + len(line)
		}
	}
	if size > maxHeader {
		return oauth.HeaderTooLarge("the header is larger than 16384 bytes")
	}
	return nil
}

// Media types of bodies.
const (
	mediaForm = "application/x-www-form-urlencoded"
	mediaJSON = "application/json"
)

// mediaType returns which of the media types that the dialect reads the body
// has.
func (x *exchange) mediaType(header []string) (string, error) {
	if len(header) == 1 && header[0] == mediaForm {
		return mediaForm, nil // nearly all requests
	}
	if len(header) == 0 || len(header) == 1 && header[0] == "" {
		return "", x.refuseType("no Content-Type was received")
	}
	kind, attrs, err := mime.ParseMediaType(header[0])
	if err != nil || len(header) > 1 {
		return "", x.refuseType("the Content-Type received cannot be read")
	}
	if kind != mediaForm && (kind != mediaJSON || !x.dialect.JSON) {
		return "", x.refuseType(received(kind) + " was received")
	}
	if charset, ok := attrs["charset"]; ok && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
		return "", oauth.InvalidRequest("body.type", "the charset of the body is not UTF-8")
	}
	return kind, nil
}

// refuseType is 400, not 415: client libraries read an error member at 400 and
// 401 alone.
func (x *exchange) refuseType(what string) error {
	accepts := mediaForm
	if x.dialect.JSON {
		accepts += " or " + mediaJSON
	}
	return oauth.InvalidRequest("body.type", what+"; send "+accepts)
}

// received names a media type that somebody sent, in our words and not in
// theirs.
func received(kind string) string {
	switch kind {
	case mediaJSON, "text/plain", "multipart/form-data", "application/xml", "text/xml", "text/html",
		"application/octet-stream", "application/vnd.api+json", "application/jwt":
		return kind
	}
	return "another Content-Type"
}
