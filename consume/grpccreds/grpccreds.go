// Package grpccreds puts a consume.Source's tokens on gRPC calls:
//
//	creds := &grpccreds.Credentials{Source: src}
//	conn, err := grpc.NewClient(target,
//		grpc.WithTransportCredentials(tls),
//		grpc.WithPerRPCCredentials(creds),
//		grpc.WithUnaryInterceptor(creds.Unary),
//		grpc.WithStreamInterceptor(creds.Stream))
//
// One thing is always true of it: no call is made without a token, and none over
// a connection that is not encrypted, unless Insecure says so.
package grpccreds

import (
	"context"
	"net/http"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/mintage-auth/mintage/consume"
)

// Credentials are credentials.PerRPCCredentials, with interceptors that renew a
// token that a server refused. They are for one connection's target: every call
// of it gets the token. They are safe for concurrent use.
type Credentials struct {
	Source *consume.Source // must be set

	// Insecure lets the token go over a connection in the clear.
	Insecure bool
}

// GetRequestMetadata returns the authorization of a call. An error is one with
// the code of ctx where that has ended, and else with Unavailable.
func (c *Credentials) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	if !c.Insecure {
		info, _ := credentials.RequestInfoFromContext(ctx)
		if err := credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity); err != nil {
			return nil, status.Errorf(codes.Unauthenticated, "the token is not sent: %v", err)
		}
	}
	tok, err := c.Source.Token(ctx)
	switch {
	case err != nil && ctx.Err() != nil: // a fetch has a time of its own: err does not say whose is over
		return nil, status.FromContextError(ctx.Err()).Err()
	case err != nil:
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	if u, ok := ctx.Value(usedKey{}).(*used); ok {
		u.set(tok)
	}
	return map[string]string{"authorization": tok.Header()}, nil
}

// RequireTransportSecurity reports whether the connection must be encrypted.
func (c *Credentials) RequireTransportSecurity() bool { return !c.Insecure }

// usedKey is the context key of used.
type usedKey struct{}

// used is the token that a call was made with.
type used struct {
	mu  sync.Mutex
	tok *consume.Token
}

func (u *used) set(tok *consume.Token) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tok = tok
}

func (u *used) token() *consume.Token {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tok
}

// renew has another token fetched in place of the one that a call was made with,
// if its error says that the token was refused.
func (c *Credentials) renew(ctx context.Context, u *used, err error) bool {
	tok := u.token()
	if tok == nil || status.Code(err) != codes.Unauthenticated {
		return false
	}
	_, failed := c.Source.Renew(ctx, tok)
	return failed == nil
}

// Unary is a grpc.UnaryClientInterceptor that makes a call once more, with
// another token, when it ends with Unauthenticated.
func (c *Credentials) Unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	u := &used{}
	ctx = context.WithValue(ctx, usedKey{}, u)
	err := call(ctx, method, req, reply, conn, opts...)
	if err == nil || !c.renew(ctx, u, err) {
		return err
	}
	err = call(ctx, method, req, reply, conn, opts...)
	if o := c.Source.Observer; o != nil {
		o.Replayed(httpStatus[status.Code(err)], err)
	}
	return err
}

// httpStatus is what an Observer is told of a call's end.
var httpStatus = map[codes.Code]int{codes.OK: http.StatusOK, codes.Unauthenticated: http.StatusUnauthorized}

// Stream is a grpc.StreamClientInterceptor. A stream that ends with
// Unauthenticated is not made again, since what was sent on it is not kept; the
// next one gets another token.
func (c *Credentials) Stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	u := &used{}
	ctx = context.WithValue(ctx, usedKey{}, u)
	s, err := open(ctx, desc, conn, method, opts...)
	if err != nil {
		if c.renew(ctx, u, err) {
			return open(ctx, desc, conn, method, opts...)
		}
		return nil, err
	}
	return &stream{ClientStream: s, creds: c, used: u}, nil
}

// stream is one whose end is looked at.
type stream struct {
	grpc.ClientStream

	creds *Credentials
	used  *used
	once  sync.Once
}

// RecvMsg is the stream's.
func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err != nil {
		s.once.Do(func() { s.creds.renew(s.Context(), s.used, err) })
	}
	return err
}
