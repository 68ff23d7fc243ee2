package jose

import (
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"math/big"
	"slices"
)

const (
	minRSABits     = 2048
	maxRSABits     = 8192 // verifying costs the square of it, and strangers bring keys
	maxRSAExponent = 1<<31 - 1

	// fermatRounds is how many candidates for the sum of two close primes are
	// tried. The broken generators fall in the first.
	fermatRounds = 100
)

// checkRSA refuses keys that are small, or wrong in a way that a public key can
// show: even, with a small factor, made by a generator whose keys are known to
// be guessable (CVE-2017-15361), or of two primes too close together
// (CVE-2022-26320).
func checkRSA(pub *rsa.PublicKey) error {
	bad := func(why string) error { return fmt.Errorf("%w: RSA: %s", ErrInvalidKey, why) }
	if pub.N == nil || pub.N.Sign() <= 0 {
		return bad("no modulus")
	}
	switch bits := pub.N.BitLen(); {
	case bits < minRSABits:
		return bad("fewer than 2048 bits")
	case bits > maxRSABits:
		return bad("more than 8192 bits")
	case pub.E < 3 || pub.E%2 == 0 || pub.E > maxRSAExponent:
		return bad("exponent is even, less than 3 or too large")
	}
	residues := smallResidues(pub.N)
	switch {
	case pub.N.Bit(0) == 0 || slices.Contains(residues, 0):
		return bad("modulus has a small factor")
	case hasROCA(residues):
		return bad("modulus comes from a broken generator (ROCA)")
	case hasClosePrimes(pub.N):
		return bad("modulus is of two close primes")
	}
	return nil
}

// smallPrimes are those that the ROCA generator builds its primes from, for all
// of its key sizes.
var smallPrimes = []int64{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
	97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

func smallResidues(n *big.Int) []int64 {
	residues := make([]int64, len(smallPrimes))
	var m, p big.Int
	for i, prime := range smallPrimes {
		residues[i] = m.Mod(n, p.SetInt64(prime)).Int64()
	}
	return residues
}

// hasROCA reports whether the modulus is a power of 65537 modulo each small
// prime, as all of that generator's are and one in 2^27 of others.
func hasROCA(residues []int64) bool {
	for i, prime := range smallPrimes {
		power := int64(1)
		for found := false; !found; {
			found = power == residues[i]
			power = power * 65537 % prime
			if power == 1 && !found {
				return false
			}
		}
	}
	return true
}

// hasClosePrimes looks for a with a²-n a square, from √n upwards (Fermat).
func hasClosePrimes(n *big.Int) bool {
	a := new(big.Int).Sqrt(n)
	rest := new(big.Int).Mul(a, a)
	if rest.Cmp(n) == 0 {
		return true
	}
	step := new(big.Int)
	rest.Sub(rest, n)
	for range fermatRounds {
		// (a+1)² - n = a² - n + 2a + 1
		rest.Add(rest, step.SetBit(step.Lsh(a, 1), 0, 1))
		a.Add(a, step.SetUint64(1))
		if isSquare(rest) {
			return true
		}
	}
	return false
}

// isSquare looks at the last bits first, which settle four of five.
func isSquare(n *big.Int) bool {
	const squaresMod64 = 1<<0 | 1<<1 | 1<<4 | 1<<9 | 1<<16 | 1<<17 | 1<<25 | 1<<33 | 1<<36 | 1<<41 | 1<<49 | 1<<57
	if words := n.Bits(); len(words) > 0 && uint64(squaresMod64)>>(words[0]&63)&1 == 0 {
		return false
	}
	root := new(big.Int).Sqrt(n)
	return root.Mul(root, root).Cmp(n) == 0
}

// checkEd25519 refuses 32 bytes that are no point (RFC 8032 §5.1.3), and the
// points of small order, under which one signature fits many messages.
func checkEd25519(pub ed25519.PublicKey) error {
	bad := func(why string) error { return fmt.Errorf("%w: Ed25519: %s", ErrInvalidKey, why) }
	if len(pub) != ed25519.PublicKeySize {
		return bad("not 32 bytes")
	}
	le := slices.Clone(pub)
	le[31] &= 0x7f // the sign of x
	slices.Reverse(le)
	one := big.NewInt(1)
	p := new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	y := new(big.Int).SetBytes(le)
	if y.Cmp(p) >= 0 {
		return bad("y is not reduced")
	}
	// x² = u/v with u = y²-1 and v = dy²+1, d = -121665/121666.
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665))
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, one)
	v := new(big.Int).Mul(d, yy)
	v.Add(v, one).Mod(v, p)
	square := new(big.Int).Mul(u, v) // a square when u/v is one
	if big.Jacobi(square.Mod(square, p), p) < 0 {
		return bad("not a point on the curve")
	}
	// Order 1 and 2: x = 0. Order 4: y = 0. Order 8: x² + y² = 0.
	sum := new(big.Int).Mul(yy, v)
	sum.Add(sum, u).Mod(sum, p)
	if square.Sign() == 0 || y.Sign() == 0 || sum.Sign() == 0 {
		return bad("a point of small order")
	}
	return nil
}
