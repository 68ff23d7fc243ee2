// Package relay passes requests on to another server and its answers back: the
// lean half of a reverse proxy. Who may call, and with which credential the
// request goes on, is the caller's to say.
//
// One thing is always true: a message leaves with framing that this package
// made. Nothing that the other side said about the length of a body, about
// trailers or about the connection is copied (RFC 9110 §7.6.1), so that no two
// servers in the chain can read one message differently.
//
//	up, err := relay.New(relay.Config{URL: u})
//	status, err := up.Forward(w, r, "/orders?limit=1", credential)
//
// Plain HTTP/1.1 goes over connections of our own (conn.go, head.go, pool.go),
// which take half of the processor time of net/http's Transport; HTTP/2, and
// https where the server may choose it, go over that Transport (transport.go).
//
//   - relay.go: Upstream and Forward, the replay after a refused credential
//   - outgoing.go: what is sent: fields and framing; body.go: what may be sent twice
//   - answer.go: how an answer comes back; upgrade.go: when it is a 101
//   - error.go: Error
package relay
