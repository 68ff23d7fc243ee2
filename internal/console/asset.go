package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed static
var static embed.FS

// asset is a file as it is served.
type asset struct {
	media  string
	plain  []byte
	packed func() []byte
}

// media are the types of the files by their ending. The system's list would be
// read at each start, and differ from machine to machine.
var media = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// assets are style, script and icon, each under a name with the hash of its
// content, so that a browser may keep it for ever. Each is packed once, when it
// is first asked for.
type assets struct {
	byPath map[string]asset
	paths  map[string]string // by the name of the file
}

func newAssets(files fs.FS) (*assets, error) {
	a := &assets{byPath: map[string]asset{}, paths: map[string]string{}}
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		base, ext := path.Base(name), path.Ext(name)
		at := fmt.Sprintf("%s/static/%s.%s%s", Prefix, strings.TrimSuffix(base, ext), hex.EncodeToString(sum[:6]), ext)
		a.paths[base] = at
		a.byPath[at] = asset{media: media[ext], plain: data, packed: sync.OnceValue(func() []byte { return pack(data) })}
	}
	return a, nil
}

// pack returns data as gzip.
func pack(data []byte) []byte {
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is one
	_, _ = z.Write(data)                                    // a Buffer takes all
	_ = z.Close()
	return buf.Bytes()
}

// path returns the address of a file, by its name.
func (a *assets) path(name string) (string, error) {
	at, ok := a.paths[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return at, nil
}

// serve answers for an asset. Another name than today's is an old one.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	f, ok := a.byPath[r.URL.Path]
	if !ok {
		h.Set("Cache-Control", "no-store")
		http.Error(w, "there is no such file, or no longer", http.StatusNotFound)
		return
	}
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	data := f.plain
	if packs(r) {
		h.Set("Content-Encoding", "gzip")
		data = f.packed()
	}
	_, _ = w.Write(data) // the browser is gone if this fails
}
