package admin

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mintage-auth/mintage/internal/strictjson"
)

// body is the JSON body of a request, read by the strict reader: unknown
// members, members given twice and names in another case are refused. Huma
// takes it for a T.
type body[T any] struct {
	v   T
	sum [sha256.Size]byte
	err error // why it is not a T
}

// Schema returns the schema of T.
func (body[T]) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[T](), true, reflect.TypeFor[T]().Name())
}

func (b *body[T]) read(data []byte) {
	b.sum = sha256.Sum256(data)
	b.err = strictjson.Decode(data, &b.v, strictjson.Options{MaxValues: maxValues})
}

func (b *body[T]) digest() [sha256.Size]byte { return b.sum }

// value returns the document, or why it is none.
func (b *body[T]) value() (*T, error) { return &b.v, b.err }

// raw is a JSON body that the handler reads itself: a merge patch of a T.
type raw[T any] struct{ data []byte }

// Schema returns the schema of T, all of whose members may be left out.
func (raw[T]) Schema(r huma.Registry) *huma.Schema {
	s := *huma.SchemaFromType(r, reflect.TypeFor[T]())
	s.Required = nil
	s.Description = "A JSON merge patch (RFC 7396): null takes a member away."
	notNullable(&s)
	return &s
}

func (b *raw[T]) read(data []byte) { b.data = append([]byte(nil), data...) }

func (b *raw[T]) digest() [sha256.Size]byte { return sha256.Sum256(b.data) }

// reader is a body of either kind.
type reader interface {
	read(data []byte)
	digest() [sha256.Size]byte // of what was read
}

// format is the one format of the API. Reading cannot fail here: an error
// would lose the place that it is about on its way through Huma.
func format() huma.Format {
	return huma.Format{
		Marshal: encode,
		Unmarshal: func(data []byte, v any) error {
			to, ok := v.(reader)
			if !ok {
				return errors.New("admin: a body that is neither body nor raw")
			}
			to.read(data)
			return nil
		},
	}
}

// encode writes v as JSON; HTML has no part in it.
func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
