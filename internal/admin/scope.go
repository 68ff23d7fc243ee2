package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/usage"
)

type listScopes struct {
	ResourceServerPath
	Days int `query:"days" minimum:"1" maximum:"400" default:"30" doc:"How many days back tokens are counted."`
}

func (h *Handler) scopes(ctx context.Context, in *listScopes) (*answer[adminclient.Page[adminclient.ScopeUse]], error) {
	rs, err := h.manager.ResourceServer(ctx, in.Tenant, in.Identifier)
	if err != nil {
		return nil, err
	}
	counts, _, _, err := h.manager.CountScopes(ctx, rs)
	if err != nil {
		return nil, err
	}
	const day = 24 * time.Hour
	used, err := h.reports.Scopes(ctx, rs.Tenant, rs.Identifier, h.now().Add(-time.Duration(in.Days)*day).Truncate(day))
	if errors.Is(err, usage.ErrTooMany) {
		return nil, h.refuse(ctx, http.StatusBadRequest, "param.malformed", "there is too much to count: ask for fewer days")
	}
	if err != nil {
		return nil, err
	}
	p := adminclient.Page[adminclient.ScopeUse]{Items: []adminclient.ScopeUse{}}
	for _, n := range counts {
		u := used[n.Wire]
		p.Items = append(p.Items, adminclient.ScopeUse{
			Scope: adminclient.Scope{Name: n.Name, Description: n.Description}, Wire: n.Wire,
			Clients: n.Clients, Organizations: n.Organizations, Tokens: u.Tokens, UsedBy: u.Clients,
		})
	}
	return &answer[adminclient.Page[adminclient.ScopeUse]]{Body: p}, nil
}

type addScope struct {
	ResourceServerPath
	Versioned
	Body body[adminclient.Scope]
}

func (h *Handler) addScope(ctx context.Context, in *addScope) (*created[adminclient.ResourceServer], error) {
	doc, err := in.Body.value()
	if err != nil {
		return nil, err
	}
	if err := mintage.Under("/name", mintage.ValidateScopeName(doc.Name)); err != nil {
		return nil, err
	}
	rs, err := h.changeResourceServer(ctx, keeping(ctx, createdResourceServer), &in.ResourceServerPath, in.Versioned, Cascading{}, func(rs *mintage.ResourceServer) error {
		if scopeAt(rs, doc.Name) >= 0 {
			return fmt.Errorf("scope %q: %w", doc.Name, mintage.ErrExists)
		}
		rs.Scopes = append(rs.Scopes, mintage.ScopeDefinition{Name: doc.Name, Description: doc.Description})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return createdResourceServer(rs), nil
}

// ScopePath is the part of an input that names a scope.
type ScopePath struct {
	ResourceServerPath
	Scope string `path:"scope" doc:"The scope's name without the prefix, percent-encoded."`
}

type updateScope struct {
	ScopePath
	Versioned
	Body raw[adminclient.ScopePatch]
}

func (h *Handler) updateScope(ctx context.Context, in *updateScope) (*tagged[adminclient.ResourceServer], error) {
	rs, err := h.changeResourceServer(ctx, callerOf(ctx).by, &in.ResourceServerPath, in.Versioned, Cascading{}, func(rs *mintage.ResourceServer) error {
		i := scopeAt(rs, in.Scope)
		if i < 0 {
			return fmt.Errorf("scope %q: %w", in.Scope, mintage.ErrNotFound)
		}
		doc, err := applyPatch(&adminclient.ScopePatch{Description: rs.Scopes[i].Description}, in.Body.data)
		if err == nil {
			rs.Scopes[i].Description = doc.Description
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return taggedResourceServer(rs), nil
}

type removeScope struct {
	ScopePath
	Versioned
	Cascading
}

func (h *Handler) removeScope(ctx context.Context, in *removeScope) (*nothing, error) {
	_, err := h.changeResourceServer(ctx, callerOf(ctx).by, &in.ResourceServerPath, in.Versioned, in.Cascading, func(rs *mintage.ResourceServer) error {
		i := scopeAt(rs, in.Scope)
		if i < 0 {
			return fmt.Errorf("scope %q: %w", in.Scope, mintage.ErrNotFound)
		}
		rs.Scopes = slices.Delete(rs.Scopes, i, i+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &nothing{}, nil
}

// scopeAt returns where a resource server has a scope, or -1.
func scopeAt(rs *mintage.ResourceServer, name string) int {
	return slices.IndexFunc(rs.Scopes, func(d mintage.ScopeDefinition) bool { return d.Name == name })
}
