package grpcauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/enforce/grpcauth"
	"github.com/mintage-auth/mintage/internal/jose"
)

const (
	issuer   = "https://auth.example"
	audience = "https://api.example"
)

// fixture is a gRPC server behind a Guard, with the issuer's key.
type fixture struct {
	t       *testing.T
	signer  *jose.Signer
	guard   *grpcauth.Guard
	conn    *grpc.ClientConn
	revoked atomic.Bool
	seen    atomic.Value // *enforce.Token that the last handler saw

	mu      sync.Mutex
	reasons []string
}

// echo is a service with one method, a stream of strings both ways.
func (f *fixture) echo() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "test.Echo", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: "Echo", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, ss grpc.ServerStream) error {
				f.seen.Store(enforce.FromContext(ss.Context()))
				for {
					var m wrapperspb.StringValue
					if err := ss.RecvMsg(&m); errors.Is(err, io.EOF) {
						return nil
					} else if err != nil {
						return err
					}
					if m.GetValue() == "panic" {
						panic("as asked")
					}
					if err := ss.SendMsg(&m); err != nil {
						return err
					}
				}
			},
		}},
	}
}

func start(t *testing.T) *fixture {
	t.Helper()
	priv, err := jose.GenerateKey(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t}
	if f.signer, err = jose.NewSigner(priv, jose.ES256, "k1", jose.HeaderForm{{Name: "alg"}, {Name: "kid"}, {Name: "typ", Value: "at+jwt"}}); err != nil {
		t.Fatal(err)
	}
	key, err := enforce.NewKey(f.signer.Key(), "k1", "ES256")
	if err != nil {
		t.Fatal(err)
	}
	f.guard = &grpcauth.Guard{
		Verifier: &enforce.Verifier{
			Issuers: &enforce.Issuer{Name: issuer, Keys: enforce.StaticKeySet{key}}, Audience: audience, DPoP: &enforce.DPoP{}, Leeway: -1,
			Ended: func(context.Context, *enforce.Token) (bool, error) { return f.revoked.Load(), nil },
		},
		Scopes: map[string][]string{
			"/grpc.health.v1.Health/Watch": {"health.watch"}, "/grpc.health.v1.Health/*": {"health.read"}, "/test.Echo/*": {},
		},
		Refused: func(_ context.Context, method, reason string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.reasons = append(f.reasons, method+" "+reason)
		},
	}
	recovered := func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = status.Errorf(codes.Internal, "recovered: %v", v)
			}
		}()
		return handler(srv, ss)
	}
	srv := grpc.NewServer(grpc.UnaryInterceptor(f.guard.Unary), grpc.ChainStreamInterceptor(recovered, f.guard.Stream))
	healthpb.RegisterHealthServer(srv, health.NewServer())
	srv.RegisterService(f.echo(), nil)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(srv.Stop)
	if f.conn, err = grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("api.example")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.conn.Close() })
	return f
}

// token signs a token with a scope that lives as long.
func (f *fixture) token(scope string, life time.Duration, more string) string {
	f.t.Helper()
	now := time.Now().Unix()
	payload := fmt.Sprintf(`{"iss":%q,"sub":"agent","aud":%q,"client_id":"agent","jti":%q,"iat":%d,"exp":%d,"scope":%q%s}`,
		issuer, audience, rand.Text(), now, now+int64(life/time.Second), scope, more)
	tok, err := f.signer.AppendSign(nil, []byte(payload))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(tok)
}

func with(ctx context.Context, pairs ...string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// RS-06: what calls are told.
func TestUnary(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := healthpb.NewHealthClient(f.conn)
	good := f.token("health.read", time.Hour, "")
	for _, tt := range []struct {
		name      string
		pairs     []string
		want      codes.Code
		challenge string
	}{
		{"good", []string{"authorization", "Bearer " + good}, codes.OK, ""},
		{"scheme in capitals", []string{"authorization", "BEARER " + good}, codes.OK, ""},
		{"none", nil, codes.Unauthenticated, `Bearer realm="https://api.example", scope="health.read"`},
		{"twice", []string{"authorization", "Bearer " + good, "authorization", "Bearer " + good}, codes.Unauthenticated, `error="invalid_request"`},
		{"forged", []string{"authorization", "Bearer " + good[:len(good)-8] + "AAAAAAAA"}, codes.Unauthenticated, `error="invalid_token"`},
		{"expired", []string{"authorization", "Bearer " + f.token("health.read", -time.Minute, "")}, codes.Unauthenticated, `error="invalid_token"`},
		{"another scope", []string{"authorization", "Bearer " + f.token("health.watch", time.Hour, "")}, codes.PermissionDenied, `error="insufficient_scope"`},
	} {
		var header metadata.MD
		_, err := client.Check(with(t.Context(), tt.pairs...), &healthpb.HealthCheckRequest{}, grpc.Header(&header))
		got := strings.Join(header.Get("www-authenticate"), " | ")
		if status.Code(err) != tt.want || !strings.Contains(got, tt.challenge) {
			t.Errorf("%s: got %v with %q, want %v with %q", tt.name, err, got, tt.want, tt.challenge)
		}
	}
	f.guard.Verifier.Ended = func(context.Context, *enforce.Token) (bool, error) { return false, errors.New("away") }
	if _, err := client.Check(with(t.Context(), "authorization", "Bearer "+good), &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("not known: got %v", err)
	}
	if !slices.Contains(f.reasons, "/grpc.health.v1.Health/Check token.expired") {
		t.Errorf("reasons: %q", f.reasons)
	}
}

// TestNotListed: what was not configured is refused, and what is open is not
// asked.
func TestNotListed(t *testing.T) {
	t.Parallel()
	f := start(t)
	client := healthpb.NewHealthClient(f.conn)
	good := with(t.Context(), "authorization", "Bearer "+f.token("health.read", time.Hour, ""))
	check := func(ctx context.Context) codes.Code {
		_, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
		return status.Code(err)
	}
	f.guard.Scopes = nil
	if got := check(good); got != codes.PermissionDenied {
		t.Errorf("a method that is not listed: got %v", got)
	}
	f.guard.Scopes = map[string][]string{"*": {}}
	if got := check(good); got != codes.OK {
		t.Errorf("a method that is listed with all: got %v", got)
	}
	f.guard.Open = []string{"/grpc.health.v1.Health/Check"}
	if got := check(t.Context()); got != codes.OK {
		t.Errorf("an open method: got %v", got)
	}
	f.guard.Open, f.guard.Verifier = nil, nil
	if got := check(good); got != codes.Internal {
		t.Errorf("without a Verifier: got %v", got)
	}
	for _, scopes := range []map[string][]string{{"orders.List": nil}, {"*": {"a b"}}} {
		g := start(t).guard
		if g.Validate() != nil {
			t.Error(g.Validate())
		}
		if g.Scopes = scopes; g.Validate() == nil {
			t.Errorf("%v is valid", scopes)
		}
	}
}

// TestStream holds that a stream goes on while its token is good, ends for good
// when it expires or is revoked, even where the handler waits for the client, and
// that a panic of the handler is where interceptors expect it.
func TestStream(t *testing.T) {
	t.Parallel()
	f := start(t)
	open := func(life time.Duration) grpc.ClientStream {
		t.Helper()
		ss, err := f.conn.NewStream(with(t.Context(), "authorization", "Bearer "+f.token("", life, "")),
			&grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/Echo")
		if err != nil {
			t.Fatal(err)
		}
		return ss
	}
	say := func(ss grpc.ClientStream, word string) error {
		if err := ss.SendMsg(wrapperspb.String(word)); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var m wrapperspb.StringValue
		return ss.RecvMsg(&m)
	}
	short, long := open(2*time.Second), open(time.Hour)
	for _, ss := range []grpc.ClientStream{short, long} {
		if err := say(ss, "hello"); err != nil {
			t.Fatal(err)
		}
	}
	if tok, _ := f.seen.Load().(*enforce.Token); tok == nil || tok.ClientID != "agent" {
		t.Errorf("the handler saw the token %v", tok)
	}
	began := time.Now()
	var m wrapperspb.StringValue
	if err := short.RecvMsg(&m); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "expired") {
		t.Errorf("at its end: %v after %v", err, time.Since(began))
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it ended after %v, want at most 2 s", took)
	}
	if err := say(long, "still"); err != nil {
		t.Errorf("the other stream: %v", err)
	}
	f.revoked.Store(true)
	began = time.Now()
	if err := long.RecvMsg(&m); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("revoked: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it ended %v after the revocation", took)
	}
	f.revoked.Store(false)
	if err := say(open(time.Hour), "panic"); status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "recovered: as asked") {
		t.Errorf("a panic: %v", err)
	}
	quiet := open(time.Hour)
	if err := quiet.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := quiet.RecvMsg(&m); !errors.Is(err, io.EOF) {
		t.Errorf("the client's end: %v", err)
	}
	if err := say(open(-time.Minute), "late"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("an expired token: %v", err)
	}
}

// DP-09: a proof for a gRPC call names POST and the method's URL.
func TestDPoP(t *testing.T) {
	t.Parallel()
	f := start(t)
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := jose.NewKey(priv.Public(), "", jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	tok := f.token("health.read", time.Hour, `,"cnf":{"jkt":"`+key.Thumbprint()+`"}`)
	enc := base64.RawURLEncoding.EncodeToString
	proof := func(url string) string {
		sum := sha256.Sum256([]byte(tok))
		claims, err := json.Marshal(map[string]any{"jti": rand.Text(), "htm": "POST", "htu": url, "iat": time.Now().Unix(), "ath": enc(sum[:])})
		if err != nil {
			t.Fatal(err)
		}
		input := enc([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+string(key.AppendJWK(nil))+`}`)) + "." + enc(claims)
		sum = sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, priv, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + enc(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	client := healthpb.NewHealthClient(f.conn)
	for _, tt := range []struct {
		name  string
		pairs []string
		want  codes.Code
	}{
		{"with a proof", []string{"authorization", "DPoP " + tok, "dpop", proof("http://api.example/grpc.health.v1.Health/Check")}, codes.OK},
		{"for another method", []string{"authorization", "DPoP " + tok, "dpop", proof("http://api.example/grpc.health.v1.Health/Watch")}, codes.Unauthenticated},
		{"without", []string{"authorization", "DPoP " + tok}, codes.Unauthenticated},
		{"as Bearer", []string{"authorization", "Bearer " + tok}, codes.Unauthenticated},
	} {
		if _, err := client.Check(with(t.Context(), tt.pairs...), &healthpb.HealthCheckRequest{}); status.Code(err) != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}
