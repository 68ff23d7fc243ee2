package apply

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mintage-auth/mintage"
)

// CreatedBy is the Secret.CreatedBy of the secrets that a source made. Only
// these retire when they leave the file.
func CreatedBy(source string) string { return "apply " + source }

// pendingSecret is a secret that the plan makes, and where it goes.
type pendingSecret struct {
	client *mintage.Client
	index  int
	secret *NewSecret // behind a pointer, so that printing a Plan shows none of it
	ptr    string
}

// secrets plans the secrets of c and returns what becomes of them. A name that
// is there and has not changed is left alone; one whose value changed gets a
// new hash; a new name is added, and the names that left the file retire with
// the tenant's overlap.
func (p *planner) secrets(t *mintage.Tenant, w *Client, c *mintage.Client, ptr string) []Diff {
	if w.Secrets == nil {
		return nil
	}
	var diffs []Diff
	names := map[string]bool{}
	for i := range w.Secrets {
		names[w.Secrets[i].Name] = true
		diffs = append(diffs, p.secret(t, &w.Secrets[i], c, ptr+mintage.Pointer("secrets", i))...)
	}
	if len(w.Secrets) > 0 { // an empty list never means to end all
		diffs = append(diffs, p.retire(t, c, names)...)
	}
	return diffs
}

func (p *planner) secret(t *mintage.Tenant, w *Secret, c *mintage.Client, ptr string) []Diff {
	made, what := p.newSecret(t, w, c)
	if !w.Generate && made.Value == "" && made.Hash == "" {
		p.refusef(ptr, "the secret's reference was not resolved: the command that reads the file does that")
		return nil
	}
	digest := p.digest(made)
	at := slices.IndexFunc(c.Secrets, func(s mintage.Secret) bool { return s.Name == w.Name })
	if at >= 0 && p.due(w, &c.Secrets[at]) {
		d := p.setAside(c, at)
		return append([]Diff{d}, p.secret(t, w, c, ptr)...)
	}
	if at >= 0 {
		s := &c.Secrets[at]
		unchanged := w.Generate || len(digest) > 0 && bytes.Equal(s.Digest, digest) ||
			made.Hash != "" && len(s.Digest) == 0 && s.Hash == made.Hash.Reveal()
		if unchanged {
			return append(p.unretire(s), p.extend(w, s)...)
		}
	}
	if made.Hash != "" && p.opts.CheckHash != nil {
		if err := p.opts.CheckHash(made.Hash.Reveal()); err != nil {
			p.refusef(ptr+"/hash", "%s", err)
			return nil
		}
	}
	fresh := mintage.Secret{Name: w.Name, Digest: digest, CreatedBy: CreatedBy(p.opts.Source), Created: p.now(), Expires: p.expiry(t, w)}
	d := Diff{Path: "secrets." + w.Name, After: what}
	if at >= 0 {
		d.Before, d.After = "its value so far", "another one, which its reference gives now"
		c.Secrets[at] = fresh
	} else {
		at = len(c.Secrets)
		if w.Generate {
			p.plan.Generate = append(p.plan.Generate, wanted(t, c, w.Name))
		}
		c.Secrets = append(c.Secrets, fresh)
	}
	p.plan.Secrets++
	p.plan.pending = append(p.plan.pending, pendingSecret{client: c, index: at, secret: &made, ptr: ptr})
	return []Diff{d}
}

// due reports whether a secret is as old as rotate_every says. One that was
// revoked, or that a rotation replaced, is somebody's business already.
func (p *planner) due(w *Secret, s *mintage.Secret) bool {
	return w.Generate && w.RotateEvery != nil && s.Revoked.IsZero() && s.Successor == "" &&
		!p.now().Before(s.Created.Add(time.Duration(*w.RotateEvery)))
}

// setAside gives the name of a secret to the one that replaces it. Under the
// name that it gets it is not in the file, and retires as such.
func (p *planner) setAside(c *mintage.Client, at int) Diff {
	s := &c.Secrets[at]
	const made = " 20060102T150405Z"
	stem := s.Name[:min(len(s.Name), mintage.MaxSecretName-len(made))]
	d := Diff{Path: "secrets." + s.Name, Before: "made " + instant(s.Created)}
	s.Name = strings.ToValidUTF8(stem, "") + s.Created.UTC().Format(made)
	s.CreatedBy = CreatedBy(p.opts.Source) // its name says so
	d.After = "rotated: so far it is called " + s.Name
	return d
}

// newSecret returns what the state carries of w for c, and what to call it.
func (p *planner) newSecret(t *mintage.Tenant, w *Secret, c *mintage.Client) (made NewSecret, what string) {
	made = NewSecret{Tenant: t.ID, Client: c.ID, Name: w.Name}
	switch {
	case w.Generate:
		made.Value, made.Generated, what = w.Made[t.ID], true, "a generated secret"
	case w.Value != nil:
		made.Value, what = w.Value.Text, "a secret of yours"
	case w.Hash != nil:
		made.Hash, what = w.Hash.Text, "an imported hash"
	}
	return made, what
}

// digest returns the keyed digest by which a change of the reference is seen.
// A hash is kept apart from a secret that reads the same.
func (p *planner) digest(made NewSecret) []byte {
	switch {
	case made.Generated:
		return nil
	case made.Hash != "":
		return p.opts.Digest("hash\x00" + made.Hash.Reveal())
	}
	return p.opts.Digest(made.Value.Reveal())
}

// expiry returns when a secret that is made now ends.
func (p *planner) expiry(t *mintage.Tenant, w *Secret) time.Time {
	life := t.SecretLifetime
	putSpan(&life, w.Expires)
	if life == 0 {
		return time.Time{}
	}
	return p.now().Add(life)
}

// unretire takes the end back that retire gave a secret whose name is in the
// file again.
func (p *planner) unretire(s *mintage.Secret) []Diff {
	if s.Successor != "" || s.CreatedBy != CreatedBy(p.opts.Source) || !s.Retires(p.now()) {
		return nil
	}
	s.Retiring, s.Expires, s.PreviousExpires = time.Time{}, s.PreviousExpires, time.Time{}
	p.plan.Secrets++
	return []Diff{{Path: "secrets." + s.Name, Before: "retiring", After: "live"}}
}

// extend gives a secret that stays the expiry that the file says, counted from
// when it was made. One that a rotation replaced keeps the end that it got.
func (p *planner) extend(w *Secret, s *mintage.Secret) []Diff {
	if w.Expires == nil || !s.Retiring.IsZero() {
		return nil
	}
	var until time.Time
	if *w.Expires != 0 {
		until = s.Created.Add(time.Duration(*w.Expires)).UTC().Truncate(time.Second)
	}
	if until.Equal(s.Expires) {
		return nil
	}
	d := Diff{Path: "secrets." + w.Name + ".expires", Before: instant(s.Expires), After: instant(until)}
	s.Expires = until
	p.plan.Secrets++
	return []Diff{d}
}

func instant(t time.Time) string {
	if t.IsZero() {
		return never
	}
	return t.UTC().Format(time.RFC3339)
}

// retire ends the secrets of c that the source made and no longer has, after
// the overlap.
func (p *planner) retire(t *mintage.Tenant, c *mintage.Client, kept map[string]bool) []Diff {
	var diffs []Diff
	overlap := cmp.Or(t.SecretOverlap, mintage.DefaultSecretOverlap)
	until := p.now().Add(overlap)
	for i := range c.Secrets {
		s := &c.Secrets[i]
		ours := s.CreatedBy == CreatedBy(p.opts.Source) && !kept[s.Name]
		if !ours || !s.Live(p.now()) || !s.Expires.IsZero() && !s.Expires.After(until) {
			continue
		}
		s.Retire(p.now(), until)
		p.plan.Secrets++
		diffs = append(diffs, Diff{Path: "secrets." + s.Name, Before: "live", After: fmt.Sprintf("retires in %s", Duration(overlap))})
	}
	return diffs
}

func wanted(t *mintage.Tenant, c *mintage.Client, name string) Wanted {
	w := Wanted{Tenant: t.ID, Client: c.ID, Secret: name, Production: t.Protected}
	for i := range c.Secrets {
		if hint := c.Secrets[i].Hint; hint != "" {
			w.Hints = append(w.Hints, hint)
		}
	}
	return w
}
