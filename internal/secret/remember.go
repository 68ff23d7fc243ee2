package secret

import "sync"

// remembered is how many right candidates a process remembers: about 5 MB.
// Past it, some client pays its slow hash again.
const remembered = 16 << 10

// rememberedWrong is the same for wrong ones. They are about 200 KB, and no
// more than what keeps a misconfigured fleet from hashing.
const rememberedWrong = 4 << 10

// identity names one stored hash. A changed hash, or the same one at another
// client, is another identity.
type identity struct{ tenant, client, secret, hash string }

// memory holds what slow hashes showed: MACs of candidates that were right, so
// that the slow hash is paid once, and of some that were wrong, so that whoever
// repeats one costs nothing. It is safe for concurrent use.
type memory[K comparable, V any] struct {
	mu    sync.RWMutex
	size  int
	known map[K]V
}

func newMemory[K comparable, V any](size int) *memory[K, V] {
	return &memory[K, V]{size: size, known: map[K]V{}}
}

func (m *memory[K, V]) get(key K) (v V, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok = m.known[key]
	return v, ok
}

// put remembers v; a full memory forgets any other.
func (m *memory[K, V]) put(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.known[key]; !ok && len(m.known) >= m.size {
		for other := range m.known {
			delete(m.known, other)
			break
		}
	}
	m.known[key] = v
}
