package manage_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mintage-auth/mintage"
	"github.com/mintage-auth/mintage/internal/manage"
)

// An answer is for the request that it was given to, of whatever size that is
// kept.
func TestKeptAnswers(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	for i, size := range []int{1, 1 << 20, 1<<20 + 1} {
		answer := bytes.Repeat([]byte("x"), size)
		o := &manage.Once{ID: [32]byte{byte(i)}, Request: [32]byte{1}, Answer: func(any) ([]byte, error) { return answer, nil }}
		if _, err := w.KeptAnswer(ctx, o); !errors.Is(err, mintage.ErrNotFound) || o.Kept() {
			t.Errorf("%d bytes: %v before they are kept", size, err)
		}
		if err := w.KeepAnswer(ctx, o, nil); err != nil || !o.Kept() {
			t.Fatalf("%d bytes: kept: %v, %v", size, o.Kept(), err)
		}
		if err := w.KeepAnswer(ctx, o, nil); !errors.Is(err, manage.ErrAnswered) {
			t.Errorf("%d bytes kept twice: %v, want ErrAnswered", size, err)
		}
		got, err := w.KeptAnswer(ctx, o)
		switch {
		case size > 1<<20:
			if !errors.Is(err, manage.ErrAnswerTooLarge) {
				t.Errorf("%d bytes: %v, want ErrAnswerTooLarge", size, err)
			}
		case err != nil || !bytes.Equal(got, answer):
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
		other := &manage.Once{ID: o.ID, Request: [32]byte{2}}
		if _, err := w.KeptAnswer(ctx, other); !errors.Is(err, manage.ErrOtherRequest) {
			t.Errorf("another request: %v, want ErrOtherRequest", err)
		}
	}
}
