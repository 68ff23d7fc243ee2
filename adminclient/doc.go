// Package adminclient is the Go client of the admin API, and the one place
// where its JSON documents are declared: the server answers with these types,
// so that client and server cannot disagree about a member.
//
// Steps of a call (call.go): the access token is fetched, the request is sent,
// up to three times where its answer is lost and it has an idempotency key, as
// all have that create or do something (retry.go); and an answer that is not a
// success becomes a *Problem (problem.go), which
// is mintage.ErrNotFound, mintage.ErrExists or mintage.ErrConflict to
// errors.Is. Lists are iterators that fetch the next page when they get there
// (page.go). The documents and the calls of one noun are in the file of that
// name: tenant.go, resource.go, client.go, secret.go, key.go, token.go and
// state.go.
//
// Times are RFC 3339 in UTC with whole seconds, durations are whole seconds.
package adminclient
