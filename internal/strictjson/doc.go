// Package strictjson reads JSON that strangers send: token request bodies, JWS
// headers and claims, keys, and the bodies of the admin API.
//
// One thing is always true of it: a document has one reading or it is refused.
// Names given twice, names that differ from a known one in case alone, bytes
// that are not UTF-8, lone surrogates, anything after the value, and nesting
// deeper than the bound are errors, at every level.
//
//   - value.go: Value and Member, the document as a small tree
//   - parse.go, string.go: the grammar of RFC 8259, without its liberties
//   - decode.go: Unmarshal, which decodes into Go values
//   - fields.go: which member names a Go struct has
//   - append.go: AppendString, the writing half
//   - error.go: Error, which names the place by a JSON pointer
package strictjson
