package grpccreds_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/consume/grpccreds"
)

// issuer is a Fetcher that counts.
type issuer struct {
	asked atomic.Int64
	err   error
}

func (i *issuer) Token(context.Context) (*consume.Token, error) {
	n := i.asked.Add(1)
	if i.err != nil {
		return nil, i.err
	}
	return &consume.Token{Value: fmt.Sprintf("token-%d", n), Type: "Bearer", Expires: time.Now().Add(time.Hour)}, nil
}

// server is a health service that takes every token but those it refuses.
type server struct {
	refuses func(string) bool
	asked   atomic.Int64
	addr    string
	roots   *x509.CertPool
}

func (s *server) check(ctx context.Context) error {
	s.asked.Add(1)
	md, _ := metadata.FromIncomingContext(ctx)
	if got := md.Get("authorization"); len(got) != 1 || s.refuses(got[0]) {
		return status.Error(codes.Unauthenticated, "the token is refused")
	}
	return nil
}

// serve serves over TLS, and serveInTheClear does not.
func serve(tb testing.TB, refuses func(string) bool) *server {
	tb.Helper()
	certs := httptest.NewTLSServer(nil)
	defer certs.Close()
	s := serveInTheClear(tb, refuses, grpc.Creds(credentials.NewServerTLSFromCert(&certs.TLS.Certificates[0])))
	s.roots.AddCert(certs.Certificate())
	return s
}

func serveInTheClear(tb testing.TB, refuses func(string) bool, opts ...grpc.ServerOption) *server {
	tb.Helper()
	s := &server{refuses: refuses, roots: x509.NewCertPool()}
	opts = append(opts,
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := s.check(ctx); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := s.check(stream.Context()); err != nil {
				return err
			}
			return next(srv, stream)
		}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.addr = l.Addr().String()
	srv := grpc.NewServer(opts...)
	grpc_health_v1.RegisterHealthServer(srv, health.NewServer())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	tb.Cleanup(func() {
		srv.Stop()
		if err := <-done; err != nil {
			tb.Errorf("the server ended with %v", err)
		}
	})
	return s
}

func (s *server) client(tb testing.TB, creds *grpccreds.Credentials) grpc_health_v1.HealthClient {
	tb.Helper()
	transport := credentials.NewTLS(&tls.Config{RootCAs: s.roots, ServerName: "example.com", MinVersion: tls.VersionTLS13})
	if creds.Insecure {
		transport = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(transport), grpc.WithPerRPCCredentials(creds),
		grpc.WithUnaryInterceptor(creds.Unary), grpc.WithStreamInterceptor(creds.Stream))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return grpc_health_v1.NewHealthClient(conn)
}

func TestUnary(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		refuses       func(string) bool
		code          codes.Code
		tries, tokens int64
	}{
		{"taken", func(string) bool { return false }, codes.OK, 1, 1},
		{"refused once", func(a string) bool { return a != "Bearer token-2" }, codes.OK, 2, 2},
		{"refused for ever", func(string) bool { return true }, codes.Unauthenticated, 2, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			from := &issuer{}
			src := &consume.Source{Fetcher: from}
			defer src.Close()
			s := serve(t, tt.refuses)
			_, err := s.client(t, &grpccreds.Credentials{Source: src}).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			if status.Code(err) != tt.code || s.asked.Load() != tt.tries || from.asked.Load() != tt.tokens {
				t.Errorf("got %v in %d tries with %d tokens, want %v in %d with %d", err, s.asked.Load(), from.asked.Load(), tt.code, tt.tries, tt.tokens)
			}
		})
	}
}

// A refused stream is not made again, but the next one has another token.
func TestStream(t *testing.T) {
	t.Parallel()
	from := &issuer{}
	src := &consume.Source{Fetcher: from}
	defer src.Close()
	client := serve(t, func(a string) bool { return a != "Bearer token-2" }).client(t, &grpccreds.Credentials{Source: src})
	for i, want := range []codes.Code{codes.Unauthenticated, codes.OK} {
		stream, err := client.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		if status.Code(err) != want || errors.Is(err, io.EOF) {
			t.Errorf("%d: got %v, want %v", i, err, want)
		}
	}
	if n := from.asked.Load(); n != 2 {
		t.Errorf("%d tokens, want 2", n)
	}
}

// No token goes over a connection in the clear, and no call without a token.
func TestNoCall(t *testing.T) {
	t.Parallel()
	s := serveInTheClear(t, func(string) bool { return false })
	good := &consume.Source{Fetcher: &issuer{}}
	defer good.Close()
	failing := &consume.Source{Fetcher: &issuer{err: errors.New("connection refused")}}
	defer failing.Close()

	if _, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(&grpccreds.Credentials{Source: good})); err == nil {
		t.Error("a connection in the clear is made for a token")
	}
	if _, err := (&grpccreds.Credentials{Source: good}).GetRequestMetadata(t.Context(), "https://api.example/x"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a connection of which nothing is known: got %v", err)
	}
	_, err := s.client(t, &grpccreds.Credentials{Source: failing, Insecure: true}).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if status.Code(err) != codes.Unavailable || s.asked.Load() != 0 {
		t.Errorf("without a token: got %v after %d calls", err, s.asked.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if md, err := (&grpccreds.Credentials{Source: failing, Insecure: true}).GetRequestMetadata(ctx); status.Code(err) != codes.Canceled || md != nil {
		t.Errorf("a call that has ended: got %v, %v", md, err)
	}
	if _, err := s.client(t, &grpccreds.Credentials{Source: good, Insecure: true}).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
		t.Errorf("in the clear on purpose: %v", err)
	}
}

// slow is a Fetcher that has no answer in its time.
type slow struct{}

func (slow) Token(ctx context.Context) (*consume.Token, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A fetch whose time is over, or was the last time, is no end of the call: it is
// not made, and may be tried again.
func TestFetchTimeout(t *testing.T) {
	t.Parallel()
	s := serveInTheClear(t, func(string) bool { return false })
	for name, from := range map[string]consume.Fetcher{
		"fetch":   slow{},
		"request": &issuer{err: &consume.Error{Cause: context.DeadlineExceeded}},
		"closed":  &issuer{err: context.Canceled},
	} {
		src := &consume.Source{Fetcher: from, FetchTimeout: time.Millisecond}
		defer src.Close()
		creds := &grpccreds.Credentials{Source: src, Insecure: true}
		client := s.client(t, creds)
		for try := range 2 { // the second is in the pause after the first
			md, err := creds.GetRequestMetadata(t.Context())
			if status.Code(err) != codes.Unavailable || md != nil {
				t.Errorf("%s, try %d: got %v, %v, want Unavailable", name, try, md, err)
			}
			_, err = client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%s, try %d: the call ended with %v, want Unavailable", name, try, err)
			}
		}
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("%d calls were made without a token", n)
	}
}

func ExampleCredentials() {
	src := &consume.Source{Fetcher: &issuer{}}
	defer src.Close()
	creds := &grpccreds.Credentials{Source: src, Insecure: true} // the example's server has no certificate

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(srv, health.NewServer())
	go func() { _ = srv.Serve(l) }()
	defer srv.Stop()

	conn, err := grpc.NewClient(l.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(creds),
		grpc.WithUnaryInterceptor(creds.Unary),
		grpc.WithStreamInterceptor(creds.Stream))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	res, err := grpc_health_v1.NewHealthClient(conn).Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
	fmt.Println(res.GetStatus(), err)
	// Output:
	// SERVING <nil>
}
