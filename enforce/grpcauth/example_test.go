package grpcauth_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/mintage-auth/mintage/enforce"
	"github.com/mintage-auth/mintage/enforce/grpcauth"
)

func ExampleGuard() {
	guard := &grpcauth.Guard{
		Verifier: &enforce.Verifier{
			Issuers:  &enforce.Issuer{Name: "https://auth.example", Keys: enforce.StaticKeySet{}},
			Audience: "https://api.example",
		},
		Scopes: map[string][]string{"/orders.v1.Orders/List": {"orders.read"}},
		Open:   []string{"/grpc.health.v1.Health/Check"},
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(guard.Unary), grpc.StreamInterceptor(guard.Stream))
	defer server.Stop()
	fmt.Println(guard.Validate())
	// Output:
	// <nil>
}

func ExampleGuard_Unary() {
	guard := &grpcauth.Guard{
		Verifier: &enforce.Verifier{
			Issuers:  &enforce.Issuer{Name: "https://auth.example", Keys: enforce.StaticKeySet{}},
			Audience: "https://api.example",
		},
		Scopes: map[string][]string{"/orders.v1.Orders/List": {"orders.read"}},
	}
	handler := func(context.Context, any) (any, error) { return "orders", nil }
	for _, method := range []string{"/orders.v1.Orders/List", "/orders.v1.Orders/Delete"} {
		_, err := guard.Unary(context.Background(), nil, &grpc.UnaryServerInfo{FullMethod: method}, handler)
		fmt.Println(status.Code(err))
	}
	// Output:
	// Unauthenticated
	// PermissionDenied
}

func ExampleGuard_Stream() {
	guard := &grpcauth.Guard{} // not configured: everything is refused
	err := guard.Stream(nil, noStream{}, &grpc.StreamServerInfo{FullMethod: "/orders.v1.Orders/Follow"}, nil)
	fmt.Println(status.Code(err))
	// Output:
	// Internal
}

// noStream is a stream of nobody.
type noStream struct{ grpc.ServerStream }

func (noStream) Context() context.Context { return context.Background() }
