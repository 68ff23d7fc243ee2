package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/apply"
	"github.com/mintage-auth/mintage/internal/manage"
)

// planned is the part of a page that declares something: it shows the plan, and
// applies that plan and no other.
type planned struct {
	Problem string
	Plan    string // what applying it would change
	Hash    string // of the plan; empty: there is none yet
	Empty   bool
	Type    string // what has to be typed; empty: nothing
}

// plan shows what applying what is declared would change.
func (p *planned) plan(ctx context.Context, c *console, q *request, declared manage.Declared) error {
	declared.Hash = ""
	plan, err := c.manager.Plan(ctx, q.by(), declared)
	if err != nil {
		return err
	}
	p.Plan, p.Hash, p.Empty = apply.Render(plan), plan.Hash, plan.Empty()
	return nil
}

// unconfirmed refuses what was to be typed and was not.
func (p *planned) unconfirmed(q *request) error {
	if p.Type != "" && q.text("confirm") != p.Type {
		return errors.New("that is not " + p.Type + "; nothing was changed")
	}
	return nil
}

// apply applies what is declared if its plan is still the one that was shown,
// and says how much changed.
func (p *planned) apply(ctx context.Context, c *console, q *request, declared manage.Declared) (string, error) {
	if declared.Hash == "" {
		return "", errForm
	}
	plan, err := c.manager.Apply(ctx, q.by(), declared)
	if err != nil {
		return "", err
	}
	return cmp.Or(lastLine(apply.Render(plan)), "no changes"), nil
}

// refused makes page say what is wrong; errors that are ours stay errors.
func (p *planned) refused(page *answer, err error) (*answer, error) {
	if errors.Is(err, mintage.ErrUnavailable) || errors.Is(err, errForm) {
		return nil, err
	}
	p.Problem = err.Error()
	if errors.Is(err, mintage.ErrConflict) {
		p.Problem = "The tenant changed since the plan was made: look at the new plan first."
	}
	page.status = http.StatusUnprocessableEntity
	return page, nil
}
