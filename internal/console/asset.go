package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var static embed.FS

// asset is a file as it is served.
type asset struct {
	media         string
	plain, packed []byte
}

// assets are style, script and icon, each under a name with the hash of its
// content, so that a browser may keep it for ever. They are read and packed
// once, at start.
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
		var buf bytes.Buffer
		z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		if _, err := z.Write(data); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		base, ext := path.Base(name), path.Ext(name)
		at := fmt.Sprintf("%s/static/%s.%s%s", Prefix, strings.TrimSuffix(base, ext), hex.EncodeToString(sum[:6]), ext)
		a.paths[base] = at
		a.byPath[at] = asset{media: mime.TypeByExtension(ext), plain: data, packed: buf.Bytes()}
	}
	return a, nil
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
		data = f.packed
	}
	_, _ = w.Write(data) // the browser is gone if this fails
}
