package gateway

// identify notes what the backend is told of the caller.
func (l *live) identify(d *Decision) {
	t := d.Token
	if t == nil {
		return
	}
	h := &l.config.Identity.Headers
	d.Set = make([]Field, 0, 6)
	for _, f := range [...]Field{
		{h.ClientID, t.ClientID}, {h.Subject, t.Subject}, {h.Scope, t.Scope.String()}, {h.Issuer, t.Issuer}, {h.TokenID, t.ID},
	} {
		if f.Name != "" && f.Value != "" && isFieldValue(f.Value) {
			d.Set = append(d.Set, f)
		}
	}
}

// isFieldValue says whether s can be the value of a header as it is. A claim
// that cannot is not passed on: nobody could say what the backend makes of it.
func isFieldValue(s string) bool {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
