// Package gateway stands in front of an API: it lets requests with a good token
// through to the upstream of their route and answers the rest itself.
//
// One thing is always true of it: a request is decided on in one place, Decide,
// by exactly the method, host and path that the backend then sees. The proxy,
// forward auth and ext_authz all ask there.
//
//   - config.go, config_read.go, config_check.go, value.go: Config and gateway.yaml; oneline.go: a route as a flag
//   - path.go, pattern.go, routes.go: from a request to its Route
//   - header.go: what a caller may not say
//   - gateway.go: Gateway, its parts and their exchange at a reload
//   - decide.go, refuse.go: Decide, and the answer to what it refuses
//   - limit.go, observe.go: rates; who would be refused
//   - connections.go, failures.go: what an address may take before it is known who calls
//   - forwardauth.go, forwardauth_question.go, extauthz.go: what fronts ask
//   - conversation.go: the connection on which one asks again and again
//   - identity.go: what the backend is told of the caller
//   - issuer.go, upstream.go: the two sides that a gateway stands between
//   - proxy.go, answer.go: an allowed request on its way, and its answer
//   - stream.go, websocket.go: streams, which end with their token
//   - log.go, admin.go: the access log; health, metrics and what operators ask
//   - serve.go: Server, the listeners
package gateway
