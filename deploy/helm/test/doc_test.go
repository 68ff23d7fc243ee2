// Package test renders the Helm chart beside it with Helm's own engine, and reads
// what comes of it into the types of Kubernetes, strictly. It is a module of its
// own: Helm brings half of Kubernetes with it.
package test
