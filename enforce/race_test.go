//go:build race

package enforce_test

// raceDetector says that what it allocates is counted too.
const raceDetector = true
