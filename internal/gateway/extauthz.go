package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	envoytype "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
)

// extAuthz is Envoy's external authorization over gRPC.
type extAuthz struct {
	auth.UnimplementedAuthorizationServer
	g *Gateway
}

// extAuthz returns a server for it.
func (g *Gateway) extAuthz() *grpc.Server {
	s := grpc.NewServer()
	auth.RegisterAuthorizationServer(s, &extAuthz{g: g})
	return s
}

// Check answers whether a request may pass.
func (e *extAuthz) Check(ctx context.Context, in *auth.CheckRequest) (*auth.CheckResponse, error) {
	var from netip.Addr
	if p, ok := peer.FromContext(ctx); ok {
		from = peerAddress(p.Addr.String())
	}
	a := e.g.ask(viaCheck, from)
	defer a.done()
	a.question.strips = true
	if a.hears(from) {
		a.decide(ctx, a.question.fromCheck(in.GetAttributes()))
	}
	if d := &a.decided; !d.Allow {
		body := d.Body(a.trace)
		a.end(ctx, d.Status, len(body))
		return denied(d, a.trace, body), nil
	}
	a.end(ctx, http.StatusOK, 0)
	return a.allowed(), nil
}

// fromCheck reads the question of Envoy over gRPC: Envoy itself says what was
// asked for, and no header of the caller has a part in it.
func (q *question) fromCheck(a *auth.AttributeContext) (err error) {
	r := a.GetRequest().GetHttp()
	q.Method, q.Scheme, q.Host, q.Header = r.GetMethod(), r.GetScheme(), r.GetHost(), http.Header{}
	q.Path, q.RawQuery, _ = strings.Cut(r.GetPath(), "?")
	q.id = r.GetId()
	if r.GetQuery() != "" && q.RawQuery == "" {
		q.RawQuery = r.GetQuery()
	}
	for name, value := range r.GetHeaders() {
		q.addHeader(name, value)
	}
	for _, h := range r.GetHeaderMap().GetHeaders() {
		value := h.GetValue()
		if len(h.GetRawValue()) > 0 {
			value = string(h.GetRawValue())
		}
		q.addHeader(h.GetKey(), value)
	}
	if q.Method == "" || q.Host == "" || q.Scheme != "http" && q.Scheme != "https" {
		return errIncomplete
	}
	if at, err := netip.ParseAddr(a.GetSource().GetAddress().GetSocketAddress().GetAddress()); err == nil {
		q.RemoteAddr = at.Unmap()
	}
	if text := a.GetSource().GetCertificate(); text != "" {
		q.Certificate, err = ParseCertificate(text)
	}
	return err
}

// addHeader adds a header of the request; pseudo-headers are none.
func (q *question) addHeader(name, value string) {
	if !strings.HasPrefix(name, ":") {
		q.Header[http.CanonicalHeaderKey(name)] = append(q.Header[http.CanonicalHeaderKey(name)], value)
	}
}

// allowed lets the request pass: the identity headers are set, and whatever else
// the caller sent that looks like one is removed. The name of the request stays
// the one that Envoy gave it, which the log has beside ours.
func (a *asking) allowed() *auth.CheckResponse {
	f, q, d := a.live.front, &a.question, &a.decided
	ok := &auth.OkHttpResponse{}
	set := map[string]bool{}
	for _, field := range d.Set {
		set[strings.ToLower(field.Name)] = true
		ok.Headers = append(ok.Headers, option(field.Name, field.Value))
	}
	remove := map[string]bool{}
	for _, name := range f.identity {
		remove[strings.ToLower(name)] = true
	}
	for name := range q.Header {
		if f.folded[fold(name)] {
			remove[strings.ToLower(name)] = true
		}
	}
	if d.Route.Authorization == AuthorizationRemove {
		remove["authorization"], remove["dpop"] = true, true
	}
	for name := range remove {
		if !set[name] {
			ok.HeadersToRemove = append(ok.HeadersToRemove, name)
		}
	}
	slices.Sort(ok.HeadersToRemove)
	if warning := a.warning(); warning != "" {
		ok.ResponseHeadersToAdd = append(ok.ResponseHeadersToAdd, option("Mintage-Warning", warning))
	}
	return &auth.CheckResponse{Status: &status.Status{Code: int32(codes.OK)}, HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: ok}}
}

// denied is the answer that the caller gets.
func denied(d *Decision, trace string, body []byte) *auth.CheckResponse {
	h := http.Header{"X-Request-Id": {trace}}
	d.Header(h)
	no := &auth.DeniedHttpResponse{
		Status: &envoytype.HttpStatus{Code: envoytype.StatusCode(int32(d.Status))}, //nolint:gosec // an HTTP status
		Body:   string(body),
	}
	for name, values := range h {
		for _, value := range values {
			no.Headers = append(no.Headers, option(name, value))
		}
	}
	slices.SortFunc(no.Headers, func(a, b *core.HeaderValueOption) int {
		return strings.Compare(a.GetHeader().GetKey(), b.GetHeader().GetKey())
	})
	code := codes.PermissionDenied
	if d.Status == http.StatusUnauthorized {
		code = codes.Unauthenticated
	}
	return &auth.CheckResponse{
		Status:       &status.Status{Code: int32(code), Message: d.Reason + " " + strconv.Itoa(d.Status)},
		HttpResponse: &auth.CheckResponse_DeniedResponse{DeniedResponse: no},
	}
}

// option is a header that takes the place of what is there.
func option(name, value string) *core.HeaderValueOption {
	return &core.HeaderValueOption{
		Header:       &core.HeaderValue{Key: strings.ToLower(name), Value: value},
		AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}
