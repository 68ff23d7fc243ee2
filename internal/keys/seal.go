package keys

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

// ErrSealed says that sealed bytes do not open: they were changed, sealed for
// another purpose, or sealed under another key.
var ErrSealed = errors.New("sealed bytes do not open: changed, for another purpose, or under another key")

// What is sealed is: the version of this form (1 byte), the number of the key
// (2 bytes, big endian), the nonce, the box. Nonces are random, which 192 bits
// allow. The purpose and the first three bytes are authenticated with the box.
const (
	sealVersion = 1
	sealHeader  = 3
	keySize     = chacha20poly1305.KeySize
	nonceSize   = chacha20poly1305.NonceSizeX
)

// Numbers of keys in sealed bytes.
const (
	masterKeyNumber = 0 // whichever is in the file
	dataKeyNumber   = 1
)

func seal(box cipher.AEAD, number uint16, purpose string, plain []byte) []byte {
	out := make([]byte, sealHeader+nonceSize, sealHeader+nonceSize+len(plain)+box.Overhead())
	out[0] = sealVersion
	binary.BigEndian.PutUint16(out[1:], number)
	rand.Read(out[sealHeader:])
	return box.Seal(out, out[sealHeader:], plain, associated(out, purpose))
}

func open(box cipher.AEAD, number uint16, purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealHeader+nonceSize+box.Overhead() || sealed[0] != sealVersion || binary.BigEndian.Uint16(sealed[1:]) != number {
		return nil, ErrSealed
	}
	nonce, rest := sealed[sealHeader:sealHeader+nonceSize], sealed[sealHeader+nonceSize:]
	plain, err := box.Open(nil, nonce, rest, associated(sealed, purpose))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func associated(sealed []byte, purpose string) []byte {
	return append(append(make([]byte, 0, sealHeader+len(purpose)), sealed[:sealHeader]...), purpose...)
}

func newBox(key []byte) (cipher.AEAD, error) { return chacha20poly1305.NewX(key) }
