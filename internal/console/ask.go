package console

import "net/http"

// ask is the page that asks before something is done that cannot be undone, or
// hurts: what will be, the button, and the same as a command. In production the
// name of what is meant has to be typed.
type ask struct {
	Problem string
	Title   string
	Text    string
	Action  string // where the form goes
	Button  string
	Type    string   // what has to be typed; empty: nothing
	Reason  bool     // whether to ask for a reason
	Breaks  []string // who breaks, a sentence each
	Cascade string   // what the box says that lets them break; empty: there is none
	Version int64
	Back    string
	Nav     string
	Copy    *copyAs
}

// page is the answer with the question.
func (k *ask) page() *answer { return shown("ask", k.Nav, k.Title, k) }

// typed returns what has to be typed before name is touched in this tenant:
// nothing, unless it is production.
func (q *request) typed(name string) string {
	if q.tenant.Protected {
		return name
	}
	return ""
}

// unconfirmed returns the question again when what has to be typed was not.
func (k *ask) unconfirmed(q *request) *answer {
	if k.Type == "" || q.text("confirm") == k.Type {
		return nil
	}
	k.Problem = "That is not " + k.Type + ". Nothing was changed."
	a := k.page()
	a.status = http.StatusUnprocessableEntity
	return a
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
