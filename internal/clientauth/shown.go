package clientauth

// Shown is an identifier and a secret that a request showed.
type Shown struct {
	ID, Secret string
	// Form says that both came as parameters, so that they were form-decoded
	// once and for all.
	Form bool
}

// AllShown returns what r showed, each reading once. It is for a request that
// has been refused already.
func AllShown(r *Request) []Shown {
	claims, err := find(r)
	if err != nil {
		return nil
	}
	var list []Shown
	for _, c := range claims {
		if as, err := readAssertion(r); c.signed && err == nil {
			list = append(list, Shown{ID: as.client, Form: true})
		}
		for _, rd := range c.readings {
			list = append(list, Shown{ID: rd.id, Secret: rd.secret, Form: c.method != &basicMethod})
		}
	}
	return list
}
