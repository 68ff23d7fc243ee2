package linelog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/internal/linelog"
)

// A line is that of slog.JSONHandler, byte for byte, whoever spells it.
func TestLinesAreThoseOfTheLibrary(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.FixedZone("", 7200))
	for _, attrs := range [][]slog.Attr{
		nil,
		{slog.String("a", "plain"), slog.Int("n", -3), slog.Uint64("u", math.MaxUint64), slog.Bool("b", true)},
		{slog.String("quoted", `a "b" \ c`), slog.String("line", "a\nb\x00\x7f"), slog.String("é", "日本 \u2028 \xff"), slog.String("hint", "a…b \ufffd")},
		{slog.Float64("zero", 0), slog.Float64("f", 0.123456), slog.Float64("small", 1e-7), slog.Float64("least", 1e-6)},
		{slog.Float64("big", 1e21), slog.Float64("below", 9.9e20), slog.Float64("minus", -2.5), slog.Float64("inf", math.Inf(1))},
		{slog.Duration("d", time.Second), slog.Time("t", at), slog.Time("far", at.AddDate(9000, 0, 0))},
		{slog.Any("err", errors.New("broken")), slog.Any("v", map[string]int{"a": 1}), slog.Any("nil", nil)},
		{slog.Group("g", slog.Int("a", 1)), slog.Group("empty"), slog.Group("", slog.Int("inline", 1), slog.String("s", "x"))},
		{{}, slog.String("", "no name"), {Key: "", Value: slog.GroupValue(slog.Group("", slog.Int("deep", 2)))}},
		{{Key: "lazy", Value: slog.AnyValue(valuer{})}},
	} {
		for _, when := range []time.Time{at, at.UTC(), {}, at.AddDate(9000, 0, 0)} {
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo + 1, slog.LevelError} {
				compare(t, when, level, attrs)
			}
		}
	}
}

func compare(t *testing.T, at time.Time, level slog.Level, attrs []slog.Attr) {
	t.Helper()
	var want, got bytes.Buffer
	w := linelog.NewWriter(&got)
	both := []slog.Handler{
		slog.NewJSONHandler(&want, &slog.HandlerOptions{Level: slog.LevelInfo}), linelog.NewJSON(w, slog.LevelInfo).Handler(),
	}
	for _, h := range both {
		for _, h := range []slog.Handler{h, h.WithAttrs([]slog.Attr{slog.Int("always", 1)}), h.WithGroup("within"), h.WithAttrs(nil)} {
			if !h.Enabled(t.Context(), level) {
				continue
			}
			r := slog.NewRecord(at, level, "what happened", 0)
			r.AddAttrs(attrs...)
			if err := h.Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("%v\n got %s\nwant %s", attrs, got.String(), want.String())
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue("resolved") }

func FuzzLine(f *testing.F) {
	f.Add("key", "value", int64(1), 0.5)
	f.Add("", "\u2028\"", int64(-1), 1e22)
	f.Fuzz(func(t *testing.T, key, value string, n int64, x float64) {
		compare(t, time.Unix(n%1e10, n%1e9), slog.LevelInfo, []slog.Attr{
			slog.String(key, value), slog.Int64(value, n), slog.Float64("x", x), slog.Group("", slog.String(value, key)),
		})
	})
}

// sink is what a Writer writes to.
type sink struct {
	mu     sync.Mutex
	text   strings.Builder
	writes int
	err    error
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.err != nil {
		return 0, s.err
	}
	return s.text.Write(p)
}

func (s *sink) count() (lines, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), "\n"), s.writes
}

func TestLinesAreWrittenTogetherAndSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		w := linelog.NewWriter(out)
		log := linelog.NewJSON(w, slog.LevelInfo)
		for range 3 {
			log.LogAttrs(t.Context(), slog.LevelInfo, "request")
		}
		if lines, _ := out.count(); lines != 0 {
			t.Errorf("%d lines at once", lines)
		}
		time.Sleep(linelog.Delay)
		synctest.Wait()
		if lines, writes := out.count(); lines != 3 || writes != 1 {
			t.Errorf("%d lines in %d writes after Delay, want 3 in 1", lines, writes)
		}
		log.LogAttrs(t.Context(), slog.LevelInfo, "request")
		log.LogAttrs(t.Context(), slog.LevelWarn, "warning")
		if lines, _ := out.count(); lines != 5 {
			t.Errorf("%d lines when a warning was logged, want 5", lines)
		}
		log.LogAttrs(t.Context(), slog.LevelInfo, "last")
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		log.LogAttrs(t.Context(), slog.LevelInfo, "after the end")
		if lines, _ := out.count(); lines != 7 {
			t.Errorf("%d lines after Close, want 7", lines)
		}
	})
}

// No line is lost, cut or written twice when many log at once.
func TestManyLogAtOnce(t *testing.T) {
	t.Parallel()
	const each, loggers = 2000, 8
	out := &sink{}
	w := linelog.NewWriter(out)
	log := linelog.NewText(w, slog.LevelInfo)
	var wg sync.WaitGroup
	for i := range loggers {
		wg.Go(func() {
			for n := range each {
				log.LogAttrs(context.Background(), slog.LevelInfo, "request", slog.Int("logger", i), slog.Int("n", n), slog.String("pad", strings.Repeat("x", 50)))
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	next := map[string]int{}
	for line := range strings.Lines(out.text.String()) {
		_, rest, _ := strings.Cut(line, "logger=")
		who, rest, _ := strings.Cut(rest, " n=")
		if want := fmt.Sprintf("%d pad=%s\n", next[who], strings.Repeat("x", 50)); rest != want {
			t.Fatalf("logger %s wrote %q, want %q", who, rest, want)
		}
		next[who]++
	}
	for who, n := range next {
		if n != each {
			t.Errorf("logger %s: %d lines", who, n)
		}
	}
	if _, writes := out.count(); len(next) != loggers || writes > each*loggers/10 {
		t.Errorf("%d loggers, %d writes", len(next), writes)
	}
}

func TestAWriterThatFails(t *testing.T) {
	t.Parallel()
	out := &sink{err: io.ErrShortWrite}
	w := linelog.NewWriter(out)
	if _, err := w.Write([]byte("a\n")); err != nil {
		t.Errorf("before anything was written: %v", err)
	}
	if err := w.Flush(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Flush: %v", err)
	}
	if _, err := w.Write([]byte("b\n")); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("the Write after: %v", err)
	}
	if err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Close: %v", err)
	}
}
