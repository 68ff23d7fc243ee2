//go:build !race

package enforce_test

const raceDetector = false
