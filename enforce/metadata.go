package enforce

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// ResourceMetadata is what a resource server says of itself (RFC 9728 §2), so
// that a client that is refused finds out where to get a token. It is an
// http.Handler that serves the document.
type ResourceMetadata struct {
	// Resource is the identifier of the resource server, which is also the URL
	// that it is at: https, but for loopback, and without a fragment. Clients
	// refuse the document where it is not the URL that they called or a parent
	// of it.
	Resource string `json:"resource"`

	AuthorizationServers   []string `json:"authorization_servers,omitempty"` // issuer identifiers
	JWKSURI                string   `json:"jwks_uri,omitempty"`
	ScopesSupported        []string `json:"scopes_supported,omitempty"`
	BearerMethodsSupported []string `json:"bearer_methods_supported,omitempty"` // empty: header, the one that is accepted

	ResourceName          string `json:"resource_name,omitempty"`
	ResourceDocumentation string `json:"resource_documentation,omitempty"`
	ResourcePolicyURI     string `json:"resource_policy_uri,omitempty"`
	ResourceTOSURI        string `json:"resource_tos_uri,omitempty"`

	TLSClientCertificateBoundAccessTokens bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	DPoPSigningAlgValuesSupported         []string `json:"dpop_signing_alg_values_supported,omitempty"`
	DPoPBoundAccessTokensRequired         bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// wellKnownResource is inserted before the path of the resource (RFC 9728 §3).
const wellKnownResource = "/.well-known/oauth-protected-resource"

// Validate says what is wrong with Resource, if anything is.
func (m *ResourceMetadata) Validate() error {
	if err := checkURL(m.Resource, false); err != nil {
		return errors.New("enforce: Metadata.Resource: " + err.Error())
	}
	if strings.Contains(m.Resource, "#") {
		return errors.New("enforce: Metadata.Resource has a fragment")
	}
	return nil
}

// URL returns where the document is to be found: the well-known part stands
// between the host and the path of the resource (RFC 9728 §3).
func (m *ResourceMetadata) URL() string {
	u, err := url.Parse(m.Resource)
	if err != nil {
		return ""
	}
	query := ""
	if u.RawQuery != "" {
		query = "?" + u.RawQuery
	}
	return u.Scheme + "://" + u.Host + m.Path() + query
}

// Path returns the path of URL, for a mux. It needs no token: serve it outside
// of Require.
func (m *ResourceMetadata) Path() string {
	u, err := url.Parse(m.Resource)
	if err != nil {
		return wellKnownResource
	}
	return wellKnownResource + strings.TrimSuffix(u.EscapedPath(), "/")
}

// ServeHTTP answers with the document. Nothing in it comes from the request.
func (m *ResourceMetadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	doc := *m
	if len(doc.BearerMethodsSupported) == 0 {
		doc.BearerMethodsSupported = []string{"header"}
	}
	body, err := json.Marshal(doc)
	if err != nil { // strings and booleans always encode
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("Access-Control-Allow-Origin", "*") // it is public, and browsers' clients need it
	_, _ = w.Write(append(body, '\n'))
}
