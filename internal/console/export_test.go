package console

import (
	"net/http"
	"net/url"
	"time"
)

// MessageCookie is the cookie that carries a message to the next page.
func MessageCookie(text string) *http.Cookie { return messageCookie(text) }

// Message reads what a request has of a message.
func Message(r *http.Request) string { return (&request{r: r}).message() }

// ReadForm reads the form of a request.
func ReadForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	q := &request{r: r, w: w}
	err := q.readForm()
	return q.form, err
}

// Version reads the version that a form is for.
func Version(form url.Values) int64 { return (&request{form: form}).version() }

// LocalPath is an address of the console that came from outside.
func LocalPath(p string) string { return localPath(p) }

// DecodeJWT reads what looks like a JWT: its header, the names of its claims with
// what is shown of them, and its jti.
func DecodeJWT(text string) (header string, claims [][2]string, jti string) {
	header, list, jti := decodeJWT(text)
	for _, c := range list {
		claims = append(claims, [2]string{c.Name, c.Value})
	}
	return header, claims, jti
}

// MessageLife is how long a message waits.
const MessageLife = flashLife / time.Second

// ParsePages parses every page, which a console does when it is first shown.
func ParsePages() error {
	c := &console{assets: &assets{}}
	all, err := newTemplates(pages, c.funcs())
	for _, page := range all {
		if _, failed := page(); failed != nil {
			err = failed
		}
	}
	return err
}
