package expr

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/tutti-ml/tutti/internal/value"
)

// rounded is a number as an integer, rounded to the nearest.
func rounded(v value.Value) (int64, error) {
	if i, ok := v.Int64(); ok && i >= math.MinInt32 && i <= math.MaxInt32 {
		return i, nil
	}
	f, ok := v.Float64()
	f = math.Floor(f + 0.5) // Java's Math.round
	if !ok || f < math.MinInt32 || f > math.MaxInt32 {
		return 0, errArguments
	}
	return int64(f), nil
}

// truncated is a number as an integer, without its fraction.
func truncated(v value.Value) (int64, error) {
	f, ok := v.Float64()
	f = math.Trunc(f)
	if !ok || f < math.MinInt32 || f > math.MaxInt32 {
		return 0, errArguments
	}
	return int64(f), nil
}

// mathAdd rounds its arguments, and takes no sum beyond 32 bits.
func mathAdd(_ *Scope, args []value.Value) (value.Value, error) {
	a, err := rounded(args[0])
	if err != nil {
		return value.Value{}, err
	}
	b, err := rounded(args[1])
	if err != nil {
		return value.Value{}, err
	}
	if sum := a + b; sum >= math.MinInt32 && sum <= math.MaxInt32 {
		return value.NewInt(sum), nil
	}
	return value.Value{}, errArguments
}

// mathRandom is a number from the first argument on and below the second; a third makes it the same every time.
func mathRandom(s *Scope, args []value.Value) (value.Value, error) {
	var n [3]int64
	for i, a := range args {
		var err error
		if n[i], err = truncated(a); err != nil {
			return value.Value{}, err
		}
	}
	if n[0] >= n[1] {
		return value.Value{}, errArguments
	}
	source := s
	if len(args) == 3 {
		source = &Scope{Entropy: uint64(n[2])}
	}
	offset, _ := bits.Mul64(source.draw(), uint64(n[1]-n[0]))
	return value.NewInt(n[0] + int64(offset)), nil
}

// uuid is a version 4 UUID (RFC 9562).
func uuid(s *Scope, _ []value.Value) (value.Value, error) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], s.draw())
	binary.BigEndian.PutUint64(b[8:], s.draw())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return value.NewString(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])), nil
}
