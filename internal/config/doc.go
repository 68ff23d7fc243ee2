// Package config is how the server runs: the settings of server.yaml, of
// MINTAGE_ variables and of flags.
//
// One thing is always true: a Server that Load returned is whole and makes
// sense. A setting that nobody knows, a value that cannot be, and a listener
// that would serve secrets in the clear refuse the lot, with the place and what
// to do about it.
//
// settings.go is the one table of settings, load.go reads the three sources
// into it, validate.go holds what only holds between settings. Tenants,
// clients and all else that is served are not settings: see internal/apply.
package config
