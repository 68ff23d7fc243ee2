package server

import (
	"context"

	"github.com/mintage-auth/mintage/internal/clientauth"
	"github.com/mintage-auth/mintage/internal/clientkeys"
	"github.com/mintage-auth/mintage/internal/issue"
	"github.com/mintage-auth/mintage/internal/mint"
	"github.com/mintage-auth/mintage/internal/replay"
)

// openIssuer puts together what answers at the endpoints of the issuers.
func (s *Server) openIssuer(ctx context.Context, st timedStore, minter *mint.Minter) error {
	nonceKey, err := s.vault.Value(ctx, nonceKeyName, 32)
	if err != nil {
		return err
	}
	replays := &replay.Guard{Store: st}
	s.clientKeys = &clientkeys.Source{
		HTTP: clientkeys.NewHTTPClient(s.cfg.JWKSNetworks, s.cfg.JWKSRoots), Now: s.cfg.Now, Log: s.log,
	}
	s.issue = &issue.Handler{
		Directory: s.directory,
		Auth: s.tracedAuth(&clientauth.Authenticator{
			Clients: s.tracedClients(s.directory), Secrets: s.hasher, Now: s.cfg.Now, Guesses: s.guesses, Outdated: s.upgrades.want,
			Keys: s.clientKeys, Replays: replays,
		}),
		Limits:    s.limits,
		Minter:    s.tracedMinter(minter),
		Revoker:   revoker{s.manager},
		Replays:   replays,
		NonceKey:  [32]byte(nonceKey),
		Now:       s.cfg.Now,
		Log:       s.log,
		Peer:      s.peer,
		DocsURL:   s.docs,
		Debug:     s.cfg.Debug,
		KeyWanted: s.keyWanted,
		Exposed: func(ctx context.Context, tenant, client, secret string) error {
			return st.MarkExposed(ctx, tenant, client, secret, s.cfg.Now())
		},
		Found:   s.found,
		Owners:  owners{st, s.hasher},
		Observe: s.observe,
	}
	return nil
}
