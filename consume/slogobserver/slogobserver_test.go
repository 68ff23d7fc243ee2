package slogobserver_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mintage-auth/mintage/consume"
	"github.com/mintage-auth/mintage/consume/slogobserver"
)

// fetcher answers as it is told.
type fetcher struct{ err error }

func (f *fetcher) Token(context.Context) (*consume.Token, error) {
	if f.err != nil {
		return nil, f.err
	}
	return &consume.Token{Value: "the-token", Expires: time.Now().Add(time.Hour)}, nil
}

func logger(w *strings.Builder) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// What is logged when, from the first token to the end of the last one.
func TestObserver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		from := &fetcher{}
		src := &consume.Source{Fetcher: from, Observer: &slogobserver.Observer{Log: logger(&log), Name: "billing"}}
		defer src.Close()
		step := func(name string, wantErr bool, wants ...string) {
			t.Helper()
			log.Reset()
			if _, err := src.Token(t.Context()); (err != nil) != wantErr {
				t.Errorf("%s: got %v", name, err)
			}
			synctest.Wait()
			if len(wants) == 0 && log.String() != "" {
				t.Errorf("%s: logged %s", name, log.String())
			}
			for _, want := range wants {
				if !strings.Contains(log.String(), want) {
					t.Errorf("%s: %q is not in %s", name, want, log.String())
				}
			}
			if strings.Contains(log.String(), "the-token") {
				t.Errorf("%s: the token is in %s", name, log.String())
			}
		}
		step("first", false, "level=DEBUG", `msg="token fetched"`, "source=billing", "trigger=caller", "expires=")
		step("kept", false)
		from.err = &consume.Error{Status: http.StatusServiceUnavailable}
		time.Sleep(55 * time.Minute)
		step("not renewed", false, "level=WARN", `msg="token not renewed"`, "trigger=ahead", "503", "left=5m0s", "retry_at=")
		time.Sleep(6 * time.Minute)
		step("none left", true, "level=ERROR", `msg="no token"`)
	})
}

func TestReplayed(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	o := &slogobserver.Observer{Log: logger(&log)}
	o.Replayed(http.StatusOK, nil)
	o.Replayed(0, errors.New("connection reset"))
	want := "level=INFO msg=\"request sent again with another token\" status=200\n" +
		"level=INFO msg=\"request sent again with another token\" status=0 error=\"connection reset\"\n"
	if log.String() != want {
		t.Errorf("got %s, want %s", log.String(), want)
	}
}

func ExampleObserver() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" || a.Key == "retry_at" {
			return slog.Attr{}
		}
		return a
	}}))
	src := &consume.Source{
		Fetcher:  &fetcher{err: &consume.Error{Status: http.StatusUnauthorized, Code: "invalid_client"}},
		Observer: &slogobserver.Observer{Log: log, Name: "billing"},
	}
	defer src.Close()
	_, _ = src.Token(context.Background())
	// Output:
	// level=ERROR msg="no token" source=billing trigger=caller error="token request: 401: invalid_client" left=0s
}
