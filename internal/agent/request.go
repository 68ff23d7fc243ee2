package agent

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxTokenRequest bounds the body of a token request, in bytes.
const maxTokenRequest = 64 << 10

// cacheKey stands for everything of a request that its answer can depend on,
// the credentials among it. It is a hash under a key of this process.
type cacheKey [sha256.Size]byte

// tokenRequest is an application's token request, in whatever dialect, as it
// goes on.
type tokenRequest struct {
	header http.Header
	query  string
	body   []byte
	// keep says that an equal request may get the same token: it is the client
	// credentials grant, and nothing in it is meant for one use.
	keep bool
}

// forwarded are the headers of a token request that go on: those that say who
// asks and in which form. All but User-Agent are part of the key.
var forwarded = []string{"Authorization", "Content-Type", "Accept", "User-Agent"}

// readTokenRequest reads a request whole.
func (e *endpoint) readTokenRequest(r *http.Request) (*tokenRequest, *refusal) {
	if r.Method != http.MethodPost {
		return nil, &refusal{status: http.StatusMethodNotAllowed, code: "invalid_request", text: "A token request is a POST."}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTokenRequest+1))
	switch {
	case err != nil:
		return nil, &refusal{status: http.StatusBadRequest, code: "invalid_request", text: "The body could not be read."}
	case len(body) > maxTokenRequest:
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, code: "invalid_request", text: "The body is too long for a token request."}
	}
	q := &tokenRequest{header: http.Header{}, query: r.URL.RawQuery, body: body}
	for _, list := range [][]string{forwarded, e.config.Headers} {
		for _, name := range list {
			if values := r.Header[name]; len(values) > 0 {
				q.header[name] = values
			}
		}
	}
	q.keep = q.repeatable() && len(r.Header["Dpop"]) == 0
	return q, nil
}

// key hashes the request, each part with its length before it.
func (q *tokenRequest) key(secret []byte, path string, headers []string) cacheKey {
	h := hmac.New(sha256.New, secret)
	part := func(s []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		_, _ = h.Write(n[:])
		_, _ = h.Write(s)
	}
	part([]byte(path))
	for _, list := range [][]string{forwarded[:3], headers} {
		for _, name := range list {
			part([]byte(name))
			part(binary.BigEndian.AppendUint64(nil, uint64(len(q.header[name]))))
			for _, v := range q.header[name] {
				part([]byte(v))
			}
		}
	}
	part([]byte(q.query))
	part(q.body)
	return cacheKey(h.Sum(nil))
}

// repeatable reports whether the request is the client credentials grant, said
// once, and has nothing that is for one use.
func (q *tokenRequest) repeatable() bool {
	params, err := q.params()
	if err != nil {
		return false
	}
	grants := 0
	for _, p := range params {
		switch p.name {
		case "grant_type":
			if grants++; p.value != "client_credentials" {
				return false
			}
		case "client_assertion", "assertion", "code", "refresh_token", "device_code", "subject_token", "actor_token", "dpop_jkt":
			return false
		}
	}
	return grants == 1
}

// param is one parameter.
type param struct{ name, value string }

// params reads the parameters of the query and of the body, each as often as
// it is there.
func (q *tokenRequest) params() ([]param, error) {
	all, err := formParams(nil, q.query)
	if err != nil {
		return nil, err
	}
	media := ""
	if values := q.header["Content-Type"]; len(values) > 1 {
		return nil, errors.New("two content types")
	} else if len(values) == 1 {
		if media, _, err = mime.ParseMediaType(values[0]); err != nil {
			return nil, err
		}
	}
	switch {
	case len(bytes.TrimSpace(q.body)) == 0:
		return all, nil
	case media == "application/x-www-form-urlencoded":
		return formParams(all, string(q.body))
	case media == "application/json" || strings.HasSuffix(media, "+json"):
		return jsonParams(all, q.body)
	}
	return nil, errors.New("a form that is not known")
}

func formParams(all []param, s string) ([]param, error) {
	for pair := range strings.SplitSeq(s, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		if name != "" {
			all = append(all, param{name, value})
		}
	}
	return all, nil
}

// jsonParams reads an object member by member. Values that are no text have
// the text of their JSON.
func jsonParams(all []param, body []byte) ([]param, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil || !ok {
			return nil, errors.New("not a JSON object")
		}
		value := string(raw)
		var s string
		if json.Unmarshal(raw, &s) == nil {
			value = s
		}
		all = append(all, param{strings.ToLower(name), value}) // Go's servers match any case
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return all, nil
}
