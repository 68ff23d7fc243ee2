package mintage

import "time"

// Event is the audit record of one change. It is written in the transaction of
// the change that it describes.
type Event struct {
	Seq    int64 // given by the store, without gaps
	Time   time.Time
	Tenant string // whose object changed
	Actor  Actor
	Action string // noun.verb, such as client.create
	Target string // identifier of what changed
	Name   string // its name at the time, for reading
	Via    string // api, cli, apply, console or server
	// TraceID is the request that made the change.
	TraceID string
	// Before and After are the changed members as JSON objects, without
	// secrets; empty where there is none.
	Before, After []byte
	// Hash links the row to all that were written before it; see Event.Link. The
	// store gives it with Seq. Nil: an older version wrote the row and nothing has
	// linked it since.
	Hash []byte
}

// Actor is who made a change.
type Actor struct {
	Tenant   string // tenant of the client that administers; empty for the server itself
	ClientID string
	// OperatorID and OperatorEmail are the person, where one is known: a change in
	// the console has both and no client.
	OperatorID, OperatorEmail string
	Address                   string // remote address, without the port
}

// Change is one entry of the feed by which caches learn of writes.
type Change struct {
	Seq    int64
	Kind   ChangeKind
	Tenant string
	ID     string
}

// ChangeKind is the noun that a Change is about.
type ChangeKind string

// Kinds of changes.
const (
	ChangeTenant         ChangeKind = "tenant"
	ChangeOrganization   ChangeKind = "organization"
	ChangeResourceServer ChangeKind = "resource_server"
	ChangeClient         ChangeKind = "client"
	ChangeKey            ChangeKind = "key"
	ChangeRevocation     ChangeKind = "revocation"
	ChangeOperator       ChangeKind = "operator" // of no tenant
)
