package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/people"
)

func pairRoutes() []route {
	return []route{
		{pattern: "GET /pair/{pairing}", access: member, handle: withPeople((*console).pairPage)},
		{pattern: "POST /pair/{pairing}/approve", access: member, handle: withPeople((*console).approvePairing)},
		{pattern: "POST /pair/{pairing}/deny", access: member, handle: withPeople((*console).denyPairing)},
	}
}

// pairPage is where somebody signs a command line in. Whoever sends them here may
// be a thief who wants to be signed in as them (RFC 8628 §5.4): the page says who
// asks, and from where.
type pairPage struct {
	Pairing *mintage.Pairing
	Me      *people.Viewer
	Place   string // where it will work
	Fresh   bool
	Again   string // where to sign in again
	Address string // of the browser
}

func (c *console) pairPage(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	p, err := s.Pairing(ctx, q.value("pairing"))
	if err != nil {
		return pairingGone(err)
	}
	page := &pairPage{Pairing: p, Me: me, Place: "everything", Fresh: s.Fresh(me), Again: againTo(q.r.URL.Path), Address: q.address}
	if m := me.Membership; m != nil {
		o, err := c.manager.Organization(ctx, m.Tenant, m.Organization)
		if err != nil {
			return nil, err
		}
		page.Place = o.Name
	}
	return shown("pair", "", "Sign a command line in", page), nil
}

// againTo is the page on which to sign in again before going to path.
func againTo(path string) string {
	return Prefix + "/sign-in?again=1&next=" + url.QueryEscape(path)
}

// pairingGone is the page of a command line that waits no more.
func pairingGone(err error) (*answer, error) {
	if errors.Is(err, mintage.ErrNotFound) {
		return errorPage(http.StatusNotFound, "Nothing waits here", "The command line has its answer, or gave up. Run mintage login again."), nil
	}
	return nil, err
}

func (c *console) approvePairing(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	id := q.value("pairing")
	switch err := s.ApprovePairing(ctx, me, id, q.from()); {
	case errors.Is(err, people.ErrStale):
		return gone(againTo(Prefix+"/pair/"+id), "Sign in again to sign a command line in."), nil
	case err != nil:
		return pairingGone(err)
	}
	return gone(Prefix+"/account", "The command line is signed in: go back to it. Its session is listed below."), nil
}

func (c *console) denyPairing(ctx context.Context, q *request, s *people.Service) (*answer, error) {
	me, err := q.me(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := s.DenyPairing(ctx, me, q.value("pairing"), q.from()); err != nil {
		return pairingGone(err)
	}
	return gone(Prefix+"/account", "The command line was told no."), nil
}
