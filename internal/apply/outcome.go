package apply

import (
	"fmt"
	"slices"

	"github.com/mintage-auth/mintage"
)

// Write is one noun to write: create it when Before is nil, delete it when
// After is nil, else update it.
type Write[T any] struct {
	Before, After *T
}

// Outcome is what a plan comes to, in the order to write it: tenants,
// resource servers, organizations and clients are created and updated in that
// order, and deleted in the reverse. After has the Version of Before, or zero,
// and its times as MakePlan's Now says. All that Before has and the plan does
// not touch, After has too.
type Outcome struct {
	Tenants         []Write[mintage.Tenant]
	Organizations   []Write[mintage.Organization]
	ResourceServers []Write[mintage.ResourceServer]
	Clients         []Write[mintage.Client]
}

// NewSecret is a secret that the plan makes. Exactly one of Value and Hash is
// set.
type NewSecret struct {
	Tenant, Client, Name string
	Value                Sensitive // plain: to be hashed
	Hash                 Sensitive // hash that was made elsewhere: to be checked and kept
	Generated            bool      // Value was made by Generate, not brought
}

// NewSecrets returns the secrets that the plan makes, so that slow hashes can
// be made before the transaction begins. Generated ones have no Value until
// the state carries it.
func (p *Plan) NewSecrets() []NewSecret {
	var all []NewSecret
	for _, s := range p.pending {
		all = append(all, *s.secret)
	}
	return all
}

// Outcome returns the nouns to write. It asks hash for ID, Hash and Hint of
// each new secret, in the order of NewSecrets; the rest is set here. Errors
// are *mintage.FieldError with pointers into the state, or what hash returned.
// Each call returns fresh clients.
func (p *Plan) Outcome(hash func(NewSecret) (mintage.Secret, error)) (*Outcome, error) {
	out := Outcome{
		Tenants: slices.Clone(p.outcome.Tenants), Organizations: slices.Clone(p.outcome.Organizations),
		ResourceServers: slices.Clone(p.outcome.ResourceServers), Clients: slices.Clone(p.outcome.Clients),
	}
	fresh := map[*mintage.Client]*mintage.Client{}
	for i := range out.Clients {
		clone := *out.Clients[i].After
		clone.Secrets = slices.Clone(clone.Secrets)
		fresh[out.Clients[i].After] = &clone
		out.Clients[i].After = &clone
	}
	for _, s := range p.pending {
		if s.secret.Value == "" && s.secret.Hash == "" {
			return nil, &mintage.FieldError{
				Pointer: s.ptr,
				Message: fmt.Sprintf("the secret %s of the client %s was not generated: the command does that and sends it along", s.secret.Name, s.secret.Client),
			}
		}
		made, err := hash(*s.secret)
		if err != nil {
			return nil, mintage.Under(s.ptr, err)
		}
		dst := &fresh[s.client].Secrets[s.index]
		dst.ID, dst.Hash, dst.Hint = made.ID, made.Hash, made.Hint
	}
	return &out, nil
}
