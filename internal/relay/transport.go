package relay

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"time"
)

const (
	// pingAfter and pingTimeout find out that an HTTP/2 connection is dead.
	pingAfter   = 15 * time.Second
	pingTimeout = 5 * time.Second
)

// newTransport returns the way for HTTP/2, and for HTTP/1.1 where the server
// has nothing newer.
func newTransport(c Config, dialer *net.Dialer) *http.Transport {
	t := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: dialer.Timeout,
		ResponseHeaderTimeout: or(c.AnswerTimeout, defaultAnswer), ExpectContinueTimeout: continueWait,
		MaxIdleConns: or(c.MaxIdle, defaultMaxIdle), MaxIdleConnsPerHost: or(c.MaxIdle, defaultMaxIdle),
		IdleConnTimeout: or(c.IdleTimeout, defaultIdle), MaxResponseHeaderBytes: maxHead,
		DisableCompression: true, Protocols: new(http.Protocols),
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	if c.Protocol == H2C {
		t.Protocols.SetUnencryptedHTTP2(true)
		return t
	}
	t.TLSClientConfig = tlsConfig(c)
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(true)
	return t
}

// overTransport sends o over the Transport.
func (u *Upstream) overTransport(ctx context.Context, w http.ResponseWriter, o *outgoing) (*answer, error) {
	q := &http.Request{
		Method: o.method, URL: &url.URL{Scheme: u.scheme, Host: u.host, Opaque: "//" + u.host + o.path}, Host: o.host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header, len(o.header)+1),
	}
	for name, values := range o.header {
		if !o.drops(name) {
			q.Header[name] = values
		}
	}
	if _, ok := q.Header["User-Agent"]; !ok {
		q.Header["User-Agent"] = nil // or the Transport would say its own
	}
	if o.replaced {
		q.Header["Authorization"] = []string{o.auth}
	}
	if o.trailers {
		q.Header["Te"] = []string{"trailers"}
	}
	if o.expect {
		q.Header["Expect"] = []string{"100-continue"}
	}
	if o.body != nil {
		if err := o.setBody(w, q); err != nil {
			return nil, err
		}
	}
	q = q.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			if code != http.StatusContinue {
				inform(w, code, header)
			}
			return nil
		},
	}))
	res, err := u.http2.RoundTrip(q) //nolint:bodyclose // the answer's finish and discard do
	if err != nil {
		if ctx.Err() != nil {
			return nil, asError(ctx.Err())
		}
		return nil, asError(err)
	}
	a := &answer{status: res.StatusCode, res: res, framing: framing{length: res.ContentLength}}
	for name, values := range res.Header {
		for _, v := range values {
			a.fields = append(a.fields, field{name, v})
		}
	}
	return a, nil
}

// setBody gives q the body.
func (o *outgoing) setBody(w http.ResponseWriter, q *http.Request) error {
	q.ContentLength, q.Trailer = o.body.length, o.trailer
	small := false
	if !o.expect {
		var err error
		if small, err = o.body.small(); err != nil {
			return err
		}
	}
	if small || o.body.isWhole() {
		q.Body, q.ContentLength = io.NopCloser(o.body.whole()), int64(len(o.body.kept))
		q.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(o.body.whole()), nil }
		return nil
	}
	_ = http.NewResponseController(w).EnableFullDuplex()
	q.Body = o.body.reader()
	return nil
}

func inform(w http.ResponseWriter, status int, header textproto.MIMEHeader) {
	h := head{}
	for name, values := range header {
		for _, v := range values {
			h.fields = append(h.fields, field{name, v})
		}
	}
	h.inform(w, status)
}
