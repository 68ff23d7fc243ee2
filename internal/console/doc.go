// Package console serves the pages by which people administer the server:
// operators everything, members of an organization the clients of theirs.
//
// One thing is always true of it: it changes nothing by itself. Each change is
// a use case of internal/manage, by whoever is signed in and with no more than
// their role allows, so that rules and audit are those of the admin API.
//
// Pages are rendered here, by html/template, and work without a script; the
// script makes them quicker. A page is three things of one name: client.go has
// its routes and handlers, templates/client.html what it looks like, and
// client_test.go what it must do.
//
// The framework:
//
//   - console.go: Config, New, and the way of a request: route, who, tenant,
//     scope, handler, answer
//   - route.go: the one route table, with the access that each page needs
//   - viewer.go: who looks, and what they may
//   - request.go: what a handler reads; form.go: a form and what is wrong in it
//   - answer.go: what a handler returns, and how it gets to the browser
//   - error.go: the one place where an error becomes a page
//   - cookie.go: the session, the theme and the message of the next page
//   - view.go: what every page has: navigation, tenants, banner
//   - template.go: templates and their functions; templates/base.html and
//     templates/partials.html: the layout and what pages share
//   - asset.go: style and script, hashed, packed and kept for ever
package console
