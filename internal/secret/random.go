package secret

// Random returns n random base62 digits. 43 of them are 256 bits, 16 an
// identifier.
func Random(n int) string { return string(appendRandom(make([]byte, 0, n), n)) }
