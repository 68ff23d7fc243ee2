package clientauth

import (
	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/oauth"
)

// Names of methods beside those that metadata lists.
const (
	MethodQuery   = "client_secret_query" // credentials in the URL
	MethodSeveral = "several"
)

// method is one way to authenticate. A new one is a file and an entry in
// methods.
type method struct {
	name string
	// needs is what a client's AuthMethods must have for it, if they have
	// anything.
	needs string
	// find returns what the request claims by this method, nil when it does not
	// use it. An error ends the request: nothing falls through to another method.
	find func(*Request) (*claim, *oauth.Error)
	// refuse is the answer when the claim is not proved.
	refuse func(reason string, cause error) *oauth.Error
	// rung is the weakness that the method is; empty where it is none.
	rung mintage.Rung
}

// claim is what one method found.
type claim struct {
	method *method
	// signed says that the credentials are an assertion. Then there are no
	// readings.
	signed bool
	// readings are the ways to read the credentials, the right one first. There
	// are two when an Authorization header means something else form-decoded.
	readings []reading
	room     [2]reading // for readings
}

// reading is an identifier and the secret that is to prove it.
type reading struct {
	id, secret string
	raw        bool // not form-decoded, and that makes a difference
}

// methods are all that this build recognises.
func methods() [4]*method {
	return [4]*method{&basicMethod, &postMethod, &queryMethod, &assertionMethod}
}

// find lets every method look at the request.
func find(r *Request) ([]*claim, *oauth.Error) {
	var claims []*claim
	for _, m := range methods() {
		c, err := m.find(r)
		if err != nil {
			return nil, err
		}
		if c != nil {
			c.method = m
			claims = append(claims, c)
		}
	}
	return claims, nil
}

// same reports whether all claims are of the same client by the same secret,
// and returns the readings on which they agree.
func same(claims []*claim) []reading {
	var agreed []reading
	for _, r := range claims[0].readings {
		all := true
		for _, other := range claims[1:] {
			all = all && other.has(r)
		}
		if all {
			agreed = append(agreed, r)
		}
	}
	return agreed
}

func (c *claim) has(want reading) bool {
	for _, r := range c.readings {
		// Both sides came with this request: there is no secret of ours to time.
		if r.id == want.id && r.secret == want.secret {
			return true
		}
	}
	return false
}
