// Package keys keeps the server's secret keys: the master key in its file, data
// keys under the master key, and everything else (signing keys, the pepper)
// under a data key. It also says which signing key of a tenant signs when.
//
// One thing is always true of it: no private key and no secret value leaves it
// for storage but sealed, with its purpose bound in, so that a row that is
// moved to another tenant, key or name does not open.
//
//   - master.go: the master key's file
//   - remaster.go: RotateMaster: another master key, without a moment at which a
//     crash loses both; owner_unix.go and owner_other.go: whose a file is
//   - vault.go: Vault, from start-up on: data key and values
//   - seal.go: the form of what is sealed
//   - ring.go: Ring, the signing keys of a tenant
//   - signer.go: Signer, the one that signs, unsealed when first used
//   - sealer.go: Sealer, the one that seals opaque tokens
//   - rotate.go: Make and Rotate: a key's life by its dates; due.go: when it is
//     time; kill.go: an end at once
package keys
