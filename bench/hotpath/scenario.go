package main

import "slices"

// scenario is one hot path: what our client's tokens are, and the path of the
// limit server that does the least that can be done for it.
type scenario struct {
	name     string
	settings string // of the client's tokens, as tenants.yaml has them
	asks     bool   // introspects a token instead of getting one
	limit    string
	// connections that are busy at a time: stored tokens share a commit.
	connections int
	requests    int // that are measured under valgrind
	// ungated leaves it out of the gate of instructions, for one of which nearly
	// all are the signature's, on both sides: what is ours is less than the
	// tolerance, and the RSA key that it needs takes valgrind long.
	ungated bool
}

func scenarios() []scenario {
	return []scenario{
		{name: "ES256", settings: "{ format: jwt, alg: ES256 }", limit: "/es256", connections: 1, requests: 150},
		{name: "EdDSA", settings: "{ format: jwt, alg: EdDSA }", limit: "/eddsa", connections: 1, requests: 150},
		{name: "RS256", settings: "{ format: jwt, alg: RS256 }", limit: "/rs256", connections: 1, requests: 150, ungated: true},
		{name: "sealed", settings: "{ format: sealed }", limit: "/opaque", connections: 1, requests: 250},
		{name: "stored", settings: "{ format: stored }", limit: "/opaque", connections: 16, requests: 800},
		{name: "introspection", settings: "{ format: jwt, alg: ES256 }", asks: true, limit: "/fixed", connections: 1, requests: 250},
	}
}

// gated are the scenarios of which the gate counts the instructions.
func gated() []scenario {
	return slices.DeleteFunc(scenarios(), func(s scenario) bool { return s.ungated })
}
