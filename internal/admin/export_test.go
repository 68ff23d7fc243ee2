package admin

// ApplyPatch lets tests patch any document.
func ApplyPatch[T any](doc *T, patch []byte) (*T, error) { return applyPatch(doc, patch) }

// SealCursor makes a cursor under a key.
func SealCursor(key []byte, list, after string) string { return cursors{key: key}.seal(list, after) }

// OpenCursor reads a cursor.
func OpenCursor(key []byte, list, cursor string) (string, bool) {
	return cursors{key: key}.open(list, cursor)
}

// ParseKey reads an idempotency key.
func ParseKey(value string) (string, bool) { return parseKey(value) }

// Rules returns the reasons for which single operations refuse.
func Rules() map[string]string { return rules }
