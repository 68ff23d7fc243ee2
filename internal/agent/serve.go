package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/mintage-auth/mintage/internal/relay"
)

// serve is the handler of the listeners that lend.
func (a *Agent) serve(w http.ResponseWriter, r *http.Request) {
	l := a.live.Load()
	if f := l.guard.check(r); f != nil {
		a.refuse(w, r, f)
		return
	}
	if r.Method == http.MethodConnect || r.URL.Host != "" {
		a.serveProxy(l, w, r)
		return
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if len(l.endpoints) > 0 {
		if e := l.endpoints[path]; e != nil {
			e.serve(w, r)
			return
		}
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if u := l.upstreams[name]; u != nil {
		target := r.RequestURI[len("/")+len(name):]
		if !strings.HasPrefix(target, "/") { // nothing, or only a query
			target = "/" + target
		}
		a.pass(u, w, r, target)
		return
	}
	switch {
	case name == "token":
		a.lend(l, w, r, rest)
	case rest == "" && query == "" && slices.Contains(reserved, name):
		a.serveStatus(w, r)
	default:
		a.refuse(w, r, l.unknown(name))
	}
}

// pass sends r on to u.
func (a *Agent) pass(u *upstream, w http.ResponseWriter, r *http.Request, target string) {
	if u.relay == nil {
		a.refuse(w, r, &refusal{
			status: http.StatusNotFound, code: "upstream.no_url",
			text: "This upstream has no url: its token is handed out at /token/" + u.config.Name + ".",
		})
		return
	}
	if err := relay.CheckTarget(target); err != nil {
		a.refuse(w, r, &refusal{status: http.StatusBadRequest, code: "request.path", text: "Refused: " + err.Error() + "."})
		return
	}
	u.forward(w, r, target)
}

// unknown is the answer to a path that leads nowhere.
func (l *live) unknown(name string) *refusal {
	known := slices.Sorted(maps.Keys(l.upstreams))
	text := "There is no upstream of that name"
	if len(name) > 0 && len(known) > 0 {
		text += "; there are " + strings.Join(known, ", ")
	}
	return &refusal{status: http.StatusNotFound, code: "upstream.unknown", text: text + "."}
}

// refuse answers with f, counts it and, now and then, says so.
func (a *Agent) refuse(w http.ResponseWriter, r *http.Request, f *refusal) {
	a.metrics.Refused(f.code)
	if a.seldom.now(f.code, a.now()) {
		a.log.LogAttrs(r.Context(), slog.LevelWarn, "a request is refused", slog.String("reason", f.code), slog.String("why", f.text))
	}
	f.write(w)
}

// serveStatus is the handler of what lends nothing.
func (a *Agent) serveStatus(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	switch r.URL.Path {
	case "/healthz":
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	case "/readyz":
		a.serveReady(w)
	case "/metrics":
		a.metrics.Handler(a.gauges).ServeHTTP(w, r)
	case "/status":
		writeJSON(w, http.StatusOK, a.Status())
	default:
		(&refusal{status: http.StatusNotFound, code: "path.unknown", text: "There are /healthz, /readyz, /metrics and /status here."}).write(w)
	}
}

// serveReady says whether every upstream that was asked for a token has one.
// One that nobody has used is no reason to keep traffic away.
func (a *Agent) serveReady(w http.ResponseWriter) {
	checks, status := map[string]string{}, http.StatusOK
	for _, u := range a.Status().Upstreams {
		checks[u.Name] = "ok"
		if u.Error != "" && u.State != "fresh" && u.State != "stale" {
			checks[u.Name], status = "no token: "+u.Error, http.StatusServiceUnavailable
		}
	}
	text := map[int]string{http.StatusOK: "ready", http.StatusServiceUnavailable: "not ready"}[status]
	writeJSON(w, status, map[string]any{"status": text, "checks": checks})
}

func writeJSON(w http.ResponseWriter, status int, doc any) {
	b, err := json.Marshal(doc)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// warm fetches the tokens that are kept fresh, so that the first request does
// not wait.
func (l *live) warm(ctx context.Context) {
	var all sync.WaitGroup
	for _, k := range l.keepers {
		if k.source.KeepFresh {
			all.Go(func() { _, _ = k.source.Token(ctx) }) // what goes wrong is logged by the observer
		}
	}
	all.Wait()
}
