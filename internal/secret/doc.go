// Package secret makes client secrets, keeps them as hashes and checks
// candidates against those.
//
// One thing is always true of it: how long a check takes says nothing about
// secrets that we made. Every secret of a client is looked at, comparisons take
// constant time, and a client that does not exist costs what one with generated
// secrets costs. Secrets that somebody brought, whose strength we cannot know,
// are under a slow hash, which runs in a bounded number of slots and is paid
// once per process.
//
//   - generate.go: secrets and client identifiers, their form and checksum
//   - hasher.go: Hasher: making hashes and digests
//   - verify.go: which secret of a client a candidate is
//   - scheme.go: the one table of hash schemes
//   - scheme_argon2id.go, scheme_bcrypt.go, scheme_pbkdf2.go, scheme_sha.go: one each
//   - phc.go: the form that two of them share
//   - slots.go: how many slow hashes run at once
//   - remember.go: candidates that were right before
//   - error.go: Error and ErrBusy
package secret
