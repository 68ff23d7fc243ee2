// Package mintage holds the nouns of the authorization server and the rules
// that bind them: who may ask (Client), where (Tenant), for what
// (ResourceServer, Grant, oauth.Scope) and what was decided (Authorization).
//
// Nothing here does I/O, reads a clock or draws randomness: every function is
// a pure function of its arguments, so that the rules can be read, tested and
// fuzzed on their own. Storage, HTTP and cryptography live in packages that
// import this one, never the other way round; arch_test.go holds that rule.
package mintage
