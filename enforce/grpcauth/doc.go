// Package grpcauth puts an enforce.Verifier in front of a gRPC server: a call
// needs a token with the scopes of its method, and a stream ends when its token
// does.
//
//	guard := &grpcauth.Guard{
//		Verifier: verifier,
//		Scopes: map[string][]string{
//			"/orders.v1.Orders/List": {"orders.read"},
//			"/orders.v1.Orders/*":    {"orders.write"},
//		},
//		Open: []string{"/grpc.health.v1.Health/Check"},
//	}
//	server := grpc.NewServer(
//		grpc.UnaryInterceptor(guard.Unary), grpc.StreamInterceptor(guard.Stream),
//	)
//
// One thing is always true of it: a method that is not listed is refused.
//
//   - guard.go: Guard, which scopes a method needs, and how a call is refused
//   - stream.go: streams that end with their token
package grpcauth
