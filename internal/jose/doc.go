// Package jose signs and verifies compact JWS (RFC 7515) and carries public
// keys as JWK (RFC 7517), on the standard library and strictly. It is the one
// door to JOSE: no other package parses or builds a signed token.
//
// One thing is always true of it: a key has one algorithm, the key is the
// caller's choice, and a token whose header names another algorithm is refused.
// No key that a token brings along is ever used. "none" does not exist, and no
// exported function makes a symmetric key.
//
// There is no JSON serialization, no detached or unencoded payload, no
// compression and no encryption.
//
//   - alg.go: the algorithms, one table
//   - jws.go: Parse and Verify
//   - signature.go: ECDSA signatures between JOSE's form and ASN.1
//   - signer.go: Signer, with its header built once
//   - key.go: Key, and how it is written
//   - jwk.go: how keys are read; sets of them
//   - pem.go: keys in PEM
//   - weak.go: keys that are refused whoever brings them
//   - error.go: Error, which tells malformed, algorithm and signature apart
package jose
