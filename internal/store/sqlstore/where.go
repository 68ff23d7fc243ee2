package sqlstore

import (
	"strconv"
	"strings"
)

// where is the condition of a query that is narrowed by what a caller asks for.
// Its text is made of constants alone: what the caller says is in args.
type where struct {
	terms []string
	args  []any
}

// add adds a condition in which each ? stands for the value.
func (w *where) add(term string, value any) {
	w.args = append(w.args, value)
	w.terms = append(w.terms, strings.ReplaceAll(term, "?", "$"+strconv.Itoa(len(w.args))))
}

// last returns the name of the last value.
func (w *where) last() string { return "$" + strconv.Itoa(len(w.args)) }

// text is add for a text that asks for nothing when it is empty.
func (w *where) text(term, value string) {
	if value != "" {
		w.add(term, value)
	}
}

// owned adds that a column names a client of the organization; an empty one asks
// for nothing.
func (w *where) owned(column, tenant, organization string) {
	if organization == "" {
		return
	}
	w.args = append(w.args, tenant)
	in := w.last()
	w.args = append(w.args, organization)
	w.terms = append(w.terms, column+" IN (SELECT id FROM clients WHERE tenant = "+in+" AND organization = "+w.last()+")")
}

// in adds that a column has one of the values; none has no value of none.
func (w *where) in(column string, values []string) {
	if len(values) == 0 {
		w.terms = append(w.terms, "1 = 0")
		return
	}
	names := make([]string, len(values))
	for i, v := range values {
		w.args = append(w.args, v)
		names[i] = w.last()
	}
	w.terms = append(w.terms, column+" IN ("+strings.Join(names, ", ")+")")
}

// String returns the condition, which is empty when there is none.
func (w *where) String() string {
	if len(w.terms) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(w.terms, " AND ")
}
