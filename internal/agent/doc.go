// Package agent is the process beside an application that keeps its tokens:
// it passes requests on with a fresh one, hands tokens to programs of the same
// machine, and answers token requests from a cache.
//
// One thing is always true of it: a token is lent to those alone who share the
// machine. A request from elsewhere, one that a browser was made to send, and
// one under a name that is not the agent's are refused before anything else
// looks at them (guard.go).
//
//   - config.go, config_read.go, config_check.go: Config and agent.yaml
//   - agent.go: Agent, its life and its reloads; listen.go, peer_linux.go: listeners
//   - guard.go: who may call; serve.go: what is asked for; refuse.go: the answer to what is refused
//   - upstream.go: a request with a token on its way; proxy.go: the same for HTTP_PROXY
//   - lend.go: GET /token/NAME
//   - endpoint.go, request.go, cached.go, entry.go: the caching token endpoint
//   - status.go, observe.go: what people and metrics see; watch.go: files that change
package agent
