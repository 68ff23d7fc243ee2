package mintage

import "time"

// RequestRecord is what is kept of requests to a tenant's endpoints that were
// refused or answered although something about them is wrong, and of tokens. It
// never holds a
// secret or a token. Several equal ones within a minute share a record.
type RequestRecord struct {
	TraceID string   // of the first; orders records by time
	Traces  []string // of some of the others
	Tenant  string   // empty: none was found
	Time    time.Time
	Last    time.Time // when the last of them came
	Count   int64

	ClientID   string // as claimed, in a form that can be shown
	ClientName string // of a client that proved itself
	Endpoint   string
	Dialect    string
	AuthMethod string
	GrantType  string
	Address    string // remote, without the port; empty where several share the record

	Error  string // OAuth error code; empty: the request was answered
	Reason string // why it was refused, or the first warning; ok: there was none
	Status int
	Notes  []string // reason codes of what did not fail the request

	// Second is the reason that a second look found behind Reason, empty for
	// none. OwnerTenant and OwnerClient say whose the credentials are in truth.
	Second      string
	OwnerTenant string
	OwnerClient string

	ScopeAsked   string
	ScopeGranted string
	Ignored      []string // parameters that nothing reads
	DidYouMean   string   // the parameter that the first of them resembles
}

// LadderUse counts how often a client did what its ladder has a rung for.
type LadderUse struct {
	Tenant   string
	ClientID string
	Rung     Rung
	Count    int64
	First    time.Time
	Last     time.Time
	Address  string // of the last, without the port
}

// SecretOwner says whose a stored secret is.
type SecretOwner struct {
	Tenant   string
	ClientID string
	SecretID string
}
