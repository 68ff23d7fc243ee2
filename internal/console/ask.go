package console

import (
	"cmp"
	"net/http"
)

// ask is the page that asks before something is done that cannot be undone, or
// hurts: what will be, the button, and the same as a command. In production the
// name of what is meant has to be typed.
type ask struct {
	Problem string
	Title   string
	Text    string
	Action  string // where the form goes
	Button  string
	Safe    bool     // whether it undoes what hurt: no red button, and nothing to type
	Type    string   // what has to be typed; empty: nothing
	Reason  bool     // whether to ask for a reason
	Given   string   // the reason that the form was sent with
	Breaks  []string // who breaks, a sentence each
	Cascade string   // what the box says that lets them break; empty: there is none
	Choice  *askChoice
	Hidden  []hidden
	Version int64
	Back    string
	Done    string // where to go when it is done; empty: Back
	Nav     string
	Copy    *copyAs
}

// askChoice is a choice that goes with the answer.
type askChoice struct {
	Name, Label string
	Options     []option
}

// hidden is a field that goes with a form and is not shown.
type hidden struct{ Name, Value string }

// Preview is where the form says what it is as a command, with what is filled
// in; empty: nothing is.
func (k *ask) Preview() string {
	if !k.Reason && k.Choice == nil {
		return ""
	}
	return k.Action + "?" + previewQuery
}

// page is the answer with the question.
func (k *ask) page() *answer { return shown("ask", k.Nav, k.Title, k) }

// previewQuery asks a form that changes something for what it would be as a
// command, a call and a file, and for nothing else.
const previewQuery = "preview=1"

// previews reports whether a form was sent to be shown as a command.
func (q *request) previews() bool { return q.query("preview") != "" }

// elsewhere is the answer to that.
func elsewhere(nav string, as *copyAs) *answer {
	return shown("copyas", nav, "The same elsewhere", as)
}

// typed returns what has to be typed before name is touched in this tenant:
// nothing, unless it is production.
func (q *request) typed(name string) string {
	if q.tenant.Protected {
		return name
	}
	return ""
}

// unconfirmed returns the question again when what has to be typed was not, and
// what it is as a command when that was asked for. Nil: go ahead.
func (k *ask) unconfirmed(q *request) *answer {
	if q.previews() {
		return elsewhere(k.Nav, k.Copy)
	}
	if k.Type == "" || q.text("confirm") == k.Type {
		return nil
	}
	k.Problem = "That is not " + k.Type + ". Nothing was changed."
	a := k.page()
	a.status = http.StatusUnprocessableEntity
	return a
}

// carriedOut is the answer to the form: what stands in the way, or what do has
// done.
func (k *ask) carriedOut(q *request, done string, do func() error) (*answer, error) {
	if a := k.unconfirmed(q); a != nil {
		return a, nil
	}
	if err := do(); err != nil {
		if a := k.failing(err); a != nil {
			return a, nil
		}
		return nil, err
	}
	return gone(cmp.Or(k.Done, k.Back), done), nil
}

// failing returns the question again with what is in its way; nil when err is
// another kind of error.
func (k *ask) failing(err error) *answer {
	p := problemsOf(err, nil)
	if p == nil {
		return nil
	}
	k.Problem = p.Whole()
	a := k.page()
	a.status = http.StatusUnprocessableEntity
	return a
}
