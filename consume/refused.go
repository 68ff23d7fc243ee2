package consume

// Refused reports whether an answer of 401 with these WWW-Authenticate values
// is to be taken for a refusal of the token: they say invalid_token, or nothing
// (RFC 6750 §3.1). It is what Transport goes by, for programs that send requests
// in another way and call Source.Renew themselves. An answer of 403 never is.
func Refused(values []string) bool { return refusesToken(challenges(values)) }
