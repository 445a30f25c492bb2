// Package uuid writes UUIDs (RFC 9562): drawn by chance, or made of what they name.
package uuid

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// New is a random UUID, version 4.
func New() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return format(b, 4)
}

// Of is the UUID of a name, version 8: the same for the same name.
func Of(name string) string {
	sum := sha256.Sum256([]byte(name))
	return format([16]byte(sum[:16]), 8)
}

// RandomOf is the UUID of a name that looks like one of New, for those who take no other.
func RandomOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return format([16]byte(sum[:16]), 4)
}

func format(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
