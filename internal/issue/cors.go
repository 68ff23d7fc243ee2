package issue

import (
	"net/http"

	"github.com/mintage-auth/mintage"
)

// Answers to a preflight request (Fetch standard, CORS protocol).
const (
	corsHeaders = "Authorization, Content-Type, DPoP"
	corsExposed = "DPoP-Nonce, Mintage-Warning, Retry-After, WWW-Authenticate, X-Request-Id"
	corsMaxAge  = "600" // seconds; browsers cap it anyway
)

// allowOrigin lets a browser on one of the tenant's origins read the answer.
// What is sent is the configured origin: never a star, never what the request
// says.
func allowOrigin(header http.Header, r *http.Request, t *mintage.Tenant, methods string) {
	if t == nil || len(t.CORSOrigins) == 0 {
		return
	}
	header.Set("Vary", "Origin")
	sent := r.Header.Values("Origin")
	if len(sent) != 1 {
		return
	}
	for _, origin := range t.CORSOrigins {
		if origin != sent[0] {
			continue
		}
		header.Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions {
			header.Set("Access-Control-Allow-Methods", methods)
			header.Set("Access-Control-Allow-Headers", corsHeaders)
			header.Set("Access-Control-Max-Age", corsMaxAge)
		} else {
			header.Set("Access-Control-Expose-Headers", corsExposed)
		}
		return
	}
}
