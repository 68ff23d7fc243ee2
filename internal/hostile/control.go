package hostile

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// away is what Control reads as Stop.
const away = "away"

// maxControl bounds what Control reads, in bytes.
const maxControl = 1 << 10

// Control lets programs see and change how the issuer misbehaves: GET answers
// with a JSON object, and PUT reads the one-line form, where nothing stands for
// an issuer that behaves and away for one that cannot be reached. It asks nobody
// who they are, so it is for listeners that only their owner reaches; a page in
// a browser is refused.
func (f *Front) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { f.show(w) })
	mux.HandleFunc("PUT /", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControl))
		if err != nil {
			http.Error(w, "the body ended early or is too long", http.StatusBadRequest)
			return
		}
		if err := f.change(strings.TrimSpace(string(body))); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		f.show(w)
	})
	return http.NewCrossOriginProtection().Handler(mux)
}

// change does what a PUT says.
func (f *Front) change(spec string) error {
	if spec == away {
		f.Stop()
		return nil
	}
	var h Hostility
	if spec != "" {
		var err error
		if h, err = Parse(spec); err != nil {
			return err
		}
	}
	if err := f.Set(h); err != nil {
		return err
	}
	f.Start()
	return nil
}

// show answers how things are.
func (f *Front) show(w http.ResponseWriter) {
	state := struct {
		Hostile string `json:"hostile"`
		Away    bool   `json:"away"`
		Stats   Stats  `json:"stats"`
	}{f.Hostility().String(), isClosed(f.away()), f.Stats()}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(state) // the caller is gone if this fails
}
