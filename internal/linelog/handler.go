package linelog

import (
	"context"
	"log/slog"
	"sync"
)

// NewJSON returns a logger that writes what slog.JSONHandler writes, from level
// on.
func NewJSON(w *Writer, level slog.Leveler) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	return slog.New(&handler{w: w, quick: true, level: level, rest: slog.NewJSONHandler(w, opts)})
}

// NewText returns a logger that writes what slog.TextHandler writes, from level
// on.
func NewText(w *Writer, level slog.Leveler) *slog.Logger {
	return slog.New(&handler{w: w, level: level, rest: slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})})
}

// handler spells records of plain values itself, and leaves the others to the
// library.
type handler struct {
	w     *Writer
	level slog.Leveler
	quick bool
	rest  slog.Handler
}

// room is where a line is spelled.
type room struct{ line []byte }

var rooms = sync.Pool{New: func() any { return &room{line: make([]byte, 0, 1<<10)} }}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level.Level() }

// Handle implements slog.Handler. Warnings and errors are written at once.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	err := h.write(ctx, &r)
	if r.Level >= slog.LevelWarn {
		return h.w.Flush()
	}
	return err
}

func (h *handler) write(ctx context.Context, r *slog.Record) error {
	if !h.quick {
		return h.rest.Handle(ctx, *r)
	}
	at, ok := rooms.Get().(*room)
	if !ok {
		return h.rest.Handle(ctx, *r)
	}
	defer rooms.Put(at)
	line, plain := appendRecord(at.line[:0], r)
	if !plain {
		return h.rest.Handle(ctx, *r)
	}
	_, err := h.w.Write(line)
	if cap(line) <= 4<<10 {
		at.line = line
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &handler{w: h.w, level: h.level, rest: h.rest.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{w: h.w, level: h.level, rest: h.rest.WithGroup(name)}
}
