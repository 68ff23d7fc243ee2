package dpop

// NormalURI is how URLs are compared.
func NormalURI(raw string) (string, bool) { return normalURI(raw) }
