// Package manage holds the use cases of administration: what the admin API,
// the console and the declared state can do to tenants and what belongs to
// them.
//
// One thing is always true of it: a change and its audit row are one
// transaction. There is no way to write a noun here that writes no event, and
// none that leaves an event of a change that did not happen. Identifiers and
// secrets are drawn, hashed and sealed before the transaction begins, since a
// store may run it twice.
//
//   - manager.go: Manager, By, and the one way to the store
//   - once.go: requests that may be sent again, and their answers
//   - refusal.go: Refusal, what is refused by rule and not by a wrong member
//   - scopes.go: the scopes of the admin API, and who may hand them on
//   - audit.go: the rows, and how an object looks in them
//   - check.go: what is checked of an object before it is written
//   - bootstrap.go, administrator.go: the tenant that administers all, and its
//     clients, of which one is always left
//   - tenant.go, organization.go, resource.go, client.go, secret.go, key.go,
//     revocation.go: one noun each
//   - rotate.go, expiry.go, upgrade.go: secrets that are replaced, that end, and
//     that get a better hash
//   - apply.go, live.go, write.go: declared state: plan, the state that it is
//     compared with, and the transaction
//   - read.go, follow.go, request.go: reading, which changes nothing
//   - purge.go: what is due for deletion
package manage
