// Package linelog writes log lines in few writes. Under load a line for each
// token would cost more than checking its client does, most of it in the kernel
// and in the reflection of a general encoder.
//
// One thing is always true of it: a line that was logged is written Delay later
// at the latest, and one of a warning or an error before the call returns. A
// process that is killed loses the lines of the last Delay, no others.
//
// The files: writer.go collects lines, handler.go is the slog.Handler, and
// json.go spells lines exactly as slog.JSONHandler does.
package linelog
