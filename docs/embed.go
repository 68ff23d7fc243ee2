// Package docs holds the documentation of this version, so that a running
// server can show the pages that belong to it, without a network.
package docs

import "embed"

// FS holds the Markdown files by their path below docs/. It is never assigned.
//
//go:embed README.md tutorial howto reference explanation errors rfc adr
var FS embed.FS
