package main

// scenario is one row of what is measured: a kind of answer of the product, the
// path of the limit server that does as little as can be done for it, and the
// goals of performance.md.
type scenario struct {
	goal     string // its number, such as P1
	name     string
	settings string // of the client's tokens, as tenants.yaml has them
	// introspects: what is sent asks about a token instead of for one.
	introspects bool

	limit string // path at the limit server
	// extra is added to the limit's figure, in µs: the writing of a row that the
	// bare server does not have.
	extra  float64
	atMost float64 // the goal: the product's figure over the limit's
	peers  []peerGoal
}

// peerGoal is a peer's scenario that the product is compared with. At most zero
// is no goal: the ratio is printed.
type peerGoal struct {
	peer   string
	atMost float64
}

// rowCost is what writing one row of a batch of 64 costs on the machine of
// performance.md, in µs: a fixed sum in the goal P5.
const rowCost = 6.2

// scenarios returns the table. A format or an algorithm that this build does
// not know is skipped, and the report says so.
func scenarios() []scenario {
	return []scenario{
		{
			goal: "P1", name: "JWT ES256", settings: "{ format: jwt, alg: ES256 }", limit: "/es256", atMost: 1.25,
			peers: []peerGoal{{"oidc-provider ES256", 1.0 / 4}},
		},
		{goal: "P2", name: "JWT EdDSA", settings: "{ format: jwt, alg: EdDSA }", limit: "/eddsa", atMost: 1.25},
		{
			goal: "P3", name: "JWT RS256", settings: "{ format: jwt, alg: RS256 }", limit: "/rs256", atMost: 1.03,
			peers: []peerGoal{{"go-oauth2 RS256", 0.80}, {"oidc-provider RS256", 0}},
		},
		{
			goal: "P4", name: "sealed", settings: "{ format: sealed }", limit: "/opaque", atMost: 1.5,
			peers: []peerGoal{{"oidc-provider opaque", 1.0 / 6}, {"go-oauth2 opaque", 0.6}, {"zitadel opaque", 0.6}},
		},
		{
			goal: "P5", name: "stored", settings: "{ format: stored }", limit: "/opaque", extra: rowCost, atMost: 1.5,
			peers: []peerGoal{{"oidc-provider opaque", 0}, {"go-oauth2 opaque", 0}, {"zitadel opaque", 0}},
		},
		{
			goal: "P11", name: "introspection", settings: "{ format: jwt, alg: ES256 }", introspects: true, limit: "/fixed", atMost: 1.3,
			peers: []peerGoal{{"oidc-provider introspection", 1.0 / 8}},
		},
	}
}
