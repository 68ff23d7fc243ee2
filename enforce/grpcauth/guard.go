package grpcauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/oauth"
)

// Guard lets calls through that carry a token with the scopes of their method,
// in the metadata authorization as HTTP has it in its header. Inside the
// handler, enforce.FromContext returns the token. It is safe for concurrent
// use; set the fields before the first.
//
// A refusal is Unauthenticated, PermissionDenied where a scope is missing, and
// Unavailable where it cannot be told for now. Its message is what an HTTP
// client would be told, and the challenges are in the header metadata
// www-authenticate.
type Guard struct {
	// Verifier checks the tokens. It must be set and valid.
	Verifier *enforce.Verifier

	// Scopes are what a method needs: all of a list, by the full name of the
	// method, such as /orders.v1.Orders/List; by that of its service, as
	// /orders.v1.Orders/*; or by * for all. The first of these that is there
	// counts. An empty list is a token without any scope. A method that has
	// none of them is refused with PermissionDenied.
	Scopes map[string][]string

	// Open are methods that need no token, by their full names.
	Open []string

	// Refused, where it is set, is told of each refusal, for logs and metrics:
	// with its method and the reason code.
	Refused func(ctx context.Context, method, reason string)
}

// Validate says what is wrong with the configuration, if anything is. A Guard
// that is not valid refuses everything but Open.
func (g *Guard) Validate() error {
	if g.Verifier == nil {
		return errors.New("grpcauth: the Guard has no Verifier")
	}
	for method, scopes := range g.Scopes {
		if method != "*" && !strings.HasPrefix(method, "/") {
			return fmt.Errorf("grpcauth: %q is no full name of a method", method)
		}
		for _, s := range scopes {
			if !oauth.ValidScopeToken(s) {
				return fmt.Errorf("grpcauth: %q is not a scope", s)
			}
		}
	}
	return g.Verifier.Validate()
}

// Unary is a grpc.UnaryServerInterceptor.
func (g *Guard) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	tok, err := g.authenticate(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	if tok != nil {
		ctx = enforce.WithToken(ctx, tok)
	}
	return handler(ctx, req)
}

// scopes returns what a method needs.
func (g *Guard) scopes(method string) ([]string, bool) {
	if s, ok := g.Scopes[method]; ok {
		return s, true
	}
	if i := strings.LastIndexByte(method, '/'); i >= 0 {
		if s, ok := g.Scopes[method[:i+1]+"*"]; ok {
			return s, true
		}
	}
	s, ok := g.Scopes["*"]
	return s, ok
}

// authenticate returns the token of a call, nil for an open method. The error
// is a gRPC status.
func (g *Guard) authenticate(ctx context.Context, method string) (*enforce.Token, error) {
	if slices.Contains(g.Open, method) {
		return nil, nil //nolint:nilnil // nobody asks who it is
	}
	if err := g.Validate(); err != nil {
		return nil, g.refuse(ctx, method, oauth.ServerError(err), nil)
	}
	need, ok := g.scopes(method)
	if !ok {
		g.tell(ctx, method, "request.not_found")
		return nil, status.Error(codes.PermissionDenied, "the method is not served to anybody")
	}
	tok, err := g.Verifier.AuthenticateCall(ctx, call(ctx, method), need...)
	if err != nil {
		return nil, g.refuse(ctx, method, err, need)
	}
	return tok, nil
}

// call is what a gRPC call is as an HTTP request.
func call(ctx context.Context, method string) enforce.Call {
	c := enforce.Call{Method: http.MethodPost, Scheme: "http", Path: method, Header: http.Header{}}
	md, _ := metadata.FromIncomingContext(ctx)
	if host := md.Get(":authority"); len(host) == 1 {
		c.Host = host[0]
	}
	for _, name := range []string{"authorization", "dpop"} {
		if values := md.Get(name); len(values) > 0 {
			c.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			c.Scheme, c.Certificate = "https", leaf(info.State)
		}
	}
	return c
}

func leaf(state tls.ConnectionState) *x509.Certificate {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}

func (g *Guard) tell(ctx context.Context, method, reason string) {
	if g.Refused != nil {
		g.Refused(ctx, method, reason)
	}
}

// refuse returns the status of a refusal, and sends its challenges.
func (g *Guard) refuse(ctx context.Context, method string, err error, need []string) error {
	code, md, message, reason := codes.Internal, metadata.MD{}, "server_error", "internal"
	if e, ok := errors.AsType[*oauth.Error](err); ok {
		message, reason = e.Code+": "+e.Description, e.Reason
		switch {
		case e.Status == http.StatusForbidden:
			code = codes.PermissionDenied
		case e.Status < http.StatusInternalServerError:
			code = codes.Unauthenticated
		case e.Status == http.StatusServiceUnavailable:
			code = codes.Unavailable
		}
	}
	if g.Verifier != nil {
		for name, values := range g.Verifier.Answer(err, need...).Header {
			if name == "Www-Authenticate" || name == http.CanonicalHeaderKey("DPoP-Nonce") {
				md.Append(name, values...)
			}
		}
	}
	g.tell(ctx, method, reason)
	_ = grpc.SetHeader(ctx, md) // fails where the call has ended
	return status.Error(code, message)
}
