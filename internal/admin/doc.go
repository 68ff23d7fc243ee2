// Package admin is the admin API: REST below /admin/v1, described by an OpenAPI
// 3.1 document that is made from this code, and protected by Mintage's own
// tokens as anybody's API would be.
//
// One thing is always true of it: an operation is in the table of operations.go
// with the scope that it needs, or it does not exist. A handler runs only past
// the guard, which has verified the token, its scope and that the tenant in the
// path is one that the token may see; to a token that may not, it is not there.
//
// The steps of a request, in order:
//
//	handler.go   trace id, headers, panics, routes
//	guard.go     token, scope, tenant, media type, query
//	body.go      the strict JSON reader
//	once.go      requests that are sent again
//	self.go      the sessions of operators' command lines
//	tenant.go, organization.go, resource.go, audit.go, usage.go, client.go, secret.go, key.go, token.go, state.go
//	             parse → internal/manage → document, one file per noun
//	page.go      lists and their cursors
//	etag.go      versions
//	patch.go     JSON merge patches
//	problem.go   what every refusal looks like (RFC 9457)
//	openapi.go   the document
package admin
