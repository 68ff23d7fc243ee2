package secret

import (
	"crypto/sha256"
	"sync"
)

// remembered is how many right candidates a process remembers: about 5 MB.
// Past it, some client pays its slow hash again.
const remembered = 16 << 10

// identity names one stored hash. A changed hash, or the same one at another
// client, is another identity.
type identity struct{ tenant, client, secret, hash string }

// memory holds MACs of candidates that a slow hash found right, so that the
// slow hash is paid once. It is safe for concurrent use.
type memory struct {
	mu   sync.RWMutex
	size int
	macs map[identity][sha256.Size]byte
}

func newMemory(size int) *memory {
	return &memory{size: size, macs: map[identity][sha256.Size]byte{}}
}

func (m *memory) get(id identity) (mac [sha256.Size]byte, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	mac, ok = m.macs[id]
	return mac, ok
}

// put remembers mac; a full memory forgets any other.
func (m *memory) put(id identity, mac [sha256.Size]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.macs[id]; !ok && len(m.macs) >= m.size {
		for other := range m.macs {
			delete(m.macs, other)
			break
		}
	}
	m.macs[id] = mac
}
