package admin

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/adminclient"
	"github.com/mintage-auth/mintage/internal/manage"
)

// Requests that may be sent again (ADR 0041). The answer is kept in the
// transaction of the change, by internal/manage, so that a request whose answer
// was lost, whoever lost it, can be sent again to any node.

// maxKey bounds an idempotency key, in characters.
const maxKey = 128

// keyCharacters are those that a key may have beside letters and digits. None
// has a meaning in a structured field (RFC 9651), so that a key may come with
// quotes or without.
const keyCharacters = "-_.:~+/="

// parseKey reads the value of the header Idempotency-Key, which is a string
// of RFC 9651 §3.3.3; many send it without the quotes, which is the same key.
func parseKey(value string) (string, bool) {
	key := strings.Trim(value, " \t")
	if quoted, ok := strings.CutPrefix(key, `"`); ok {
		if key, ok = strings.CutSuffix(quoted, `"`); !ok {
			return "", false
		}
	}
	if key == "" || len(key) > maxKey {
		return "", false
	}
	for _, c := range []byte(key) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte(keyCharacters, c) < 0 {
			return "", false
		}
	}
	return key, true
}

// once reports whether the operation takes an idempotency key: whether it does
// more when it is asked twice. What nobody in particular asks for is kept for
// nobody.
func (op *operation) once() bool {
	return op.Method == http.MethodPost && op.Scope != "" && !strings.HasSuffix(op.Scope, ":read") && op.ID != "plan-state"
}

// readKey reads the key of a request; empty: it has none, or the operation needs
// none.
func (h *Handler) readKey(r *http.Request, op operation) (string, *refusal) {
	values := r.Header.Values(adminclient.HeaderIdempotencyKey)
	if len(values) == 0 || !op.once() {
		return "", nil
	}
	key, ok := parseKey(values[0])
	if !ok || len(values) > 1 {
		return "", h.refuse(r.Context(), http.StatusBadRequest, "param.malformed", fmt.Sprintf(
			"%s takes one key of 1 to %d letters, digits and %s", adminclient.HeaderIdempotencyKey, maxKey, keyCharacters))
	}
	return key, nil
}

// keyParameter describes the header.
func keyParameter() *huma.Param {
	length := maxKey + len(`""`)
	return &huma.Param{
		Name: adminclient.HeaderIdempotencyKey, In: "header",
		Description: "A key that the caller makes for this request: sent again under it, the request is not carried out again, " +
			"and is answered as it was. Kept for 24 hours.",
		Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &length, Pattern: `^"?[A-Za-z0-9\-_.:~+/=]{1,128}"?$`},
	}
}

// running are the requests with a key that are being served by this node. The
// zero value has none.
type running struct {
	mu  sync.Mutex
	ids map[[sha256.Size]byte]bool
}

// enter begins one, unless it is being served already.
func (r *running) enter(id [sha256.Size]byte) (leave func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] {
		return nil, false
	}
	if r.ids == nil {
		r.ids = map[[sha256.Size]byte]bool{}
	}
	r.ids[id] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.ids, id)
	}, true
}

type onceKey struct{}

// keeping returns who asks, as callerOf does, who keeps the answer that render
// makes of what a use case made.
func keeping[M, O any](ctx context.Context, render func(M) *O) manage.By {
	return trying(ctx, func(m M) (*O, error) { return render(m), nil })
}

// trying is keeping for a render that can fail, which undoes the change.
func trying[M, O any](ctx context.Context, render func(M) (*O, error)) manage.By {
	by := callerOf(ctx).by
	o, _ := ctx.Value(onceKey{}).(*manage.Once)
	if o == nil {
		return by
	}
	o.Answer = func(made any) ([]byte, error) {
		m, ok := made.(M)
		if !ok && made != nil {
			return nil, fmt.Errorf("a use case made a %T", made)
		}
		out, err := render(m)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
	by.Once = o
	return by
}

// once serves a request with a key at most once: an answer that was given under
// it is given again.
func once[I, O any](ctx context.Context, h *Handler, op operation, in *I, serve func(*Handler, context.Context, *I) (*O, error)) (*O, error) {
	who := callerOf(ctx)
	if who.key == "" {
		return serve(h, ctx, in)
	}
	o := &manage.Once{ID: who.requestID(), Request: who.digest(op, in)}
	leave, ok := h.running.enter(o.ID)
	if !ok {
		busy := h.refuse(ctx, http.StatusConflict, "idempotency.running", "the request with this key is still being carried out")
		busy.header.Set("Retry-After", "1")
		return nil, busy
	}
	defer leave()
	if out, err := again[O](ctx, h, o); !errors.Is(err, mintage.ErrNotFound) {
		return out, err
	}
	out, err := serve(h, context.WithValue(ctx, onceKey{}, o), in)
	if err == nil && !o.Kept() { // nothing was changed
		o.Answer = func(made any) ([]byte, error) { return json.Marshal(made) }
		err = h.manager.KeepAnswer(ctx, o, out)
		if err != nil && !errors.Is(err, manage.ErrAnswered) {
			h.log.LogAttrs(ctx, slog.LevelWarn, "an answer is not kept",
				slog.String("trace_id", traceOf(ctx)), slog.String("error", err.Error()))
			err = nil // it would be the same again
		}
	}
	if errors.Is(err, manage.ErrAnswered) { // another node was faster
		return again[O](ctx, h, o)
	}
	return out, err
}

// again returns the answer that was given to a request; mintage.ErrNotFound:
// none was.
func again[O any](ctx context.Context, h *Handler, o *manage.Once) (*O, error) {
	answer, err := h.manager.KeptAnswer(ctx, o)
	switch {
	case errors.Is(err, manage.ErrOtherRequest):
		return nil, h.refuse(ctx, http.StatusUnprocessableEntity, codeKeyReused, "another request was answered under this key")
	case errors.Is(err, manage.ErrAnswerTooLarge):
		return nil, h.refuse(ctx, http.StatusConflict, "idempotency.done", "the request was carried out, and its answer was too large to be kept")
	case err != nil:
		return nil, err
	}
	out := new(O)
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, fmt.Errorf("kept answer: %w", err)
	}
	recordOf(ctx).header.Set(adminclient.HeaderReplayed, "true")
	return out, nil
}

// codeKeyReused is the one refusal with 422; see lowered.
const codeKeyReused = "idempotency.reused"

// requestID names a request: its key is the caller's own, whatever keys others
// have.
func (c caller) requestID() [sha256.Size]byte {
	a := c.by.Actor
	return sum(a.Tenant, a.ClientID, a.OperatorID, c.key)
}

// digest is of all that a request says.
func (c caller) digest(op operation, in any) [sha256.Size]byte {
	var body [sha256.Size]byte
	if f := reflect.ValueOf(in).Elem().FieldByName("Body"); f.IsValid() {
		if b, ok := f.Addr().Interface().(reader); ok {
			body = b.digest()
		}
	}
	return sum(op.ID, c.target, string(body[:]))
}

// sum hashes texts so that no two lists of them are the same.
func sum(texts ...string) [sha256.Size]byte {
	var b []byte
	for _, s := range texts {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}
