package agent

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// pollEvery is how often a file is looked at where the system does not tell
	// of changes, as on network file systems and for Kubernetes' links.
	pollEvery = 5 * time.Second
	// settle is how long a file must have been left alone: an editor writes in
	// several steps.
	settle = 200 * time.Millisecond
)

// Watch calls changed each time that a file has other contents than it has now,
// until ctx ends; wait waits for that end. It watches the folder, since files
// are often replaced.
func Watch(ctx context.Context, path string, changed func()) (wait func()) {
	last := fingerprint(path)
	var events chan fsnotify.Event
	var lost chan error
	w, err := fsnotify.NewWatcher()
	if err == nil && w.Add(filepath.Dir(path)) == nil {
		events, lost = w.Events, w.Errors
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		if w != nil {
			defer func() { _ = w.Close() }()
		}
		watch(ctx, path, last, events, lost, changed)
	})
	return watching.Wait
}

func watch(ctx context.Context, path string, last [sha256.Size]byte, events <-chan fsnotify.Event, lost <-chan error, changed func()) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			quiet.Reset(settle)
			continue
		case <-lost: // events may have been: look
		case <-poll.C:
		case <-quiet.C:
		}
		if now := fingerprint(path); now != last {
			last = now
			changed()
		}
	}
}

// fingerprint is a hash of what a file holds; zero where it cannot be read.
func fingerprint(path string) [sha256.Size]byte {
	data, err := os.ReadFile(path) //nolint:gosec // the operator's own
	if err != nil || len(data) > maxFile {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(data)
}
