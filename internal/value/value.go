// Package value is the JSON value that every room speaks: immutable, with the order of object members and the text of
// numbers kept as written. A Value is shared freely between goroutines and runs; "changing" one copies what changes.
//
// The package knows nothing of runs, stores or languages.
package value

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Kind is the JSON type of a Value.
type Kind uint8

// Absent is the kind of the zero Value: no value at all, which JSON's null is not.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"absent", "null", "boolean", "number", "string", "array", "object"}[k]
}

// Value is one JSON value. The zero Value is Absent.
type Value struct {
	kind Kind
	text string // String: the characters; Number: the text as written; Bool: "true" or "false"
	node *node  // Array and Object
}

// node is the body of an array or object. It is never changed once it is reachable from a Value, but for the digest,
// which is a cache.
type node struct {
	list  []Value
	keys  []string       // Object: names, beside list
	index map[string]int // Object: built above indexAbove members
	size  int            // bytes of the compact JSON text
	sum   atomic.Pointer[Digest]
}

const indexAbove = 12

// Member is one name and value of an object.
type Member struct {
	Name  string
	Value Value
}

// Digest names a value by the SHA-256 of its compact JSON text.
type Digest [sha256.Size]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d names nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// ParseDigest reads the hexadecimal form of Digest.String.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if n, err := hex.Decode(d[:], []byte(s)); err != nil || n != len(d) {
		return Digest{}, fmt.Errorf("parsing digest %q: want %d hexadecimal digits", s, 2*len(d))
	}
	return d, nil
}

// DigestOf is the digest of data as a stored text.
func DigestOf(data []byte) Digest { return sha256.Sum256(data) }

// NullValue, True and False are the constants of JSON.
var (
	NullValue = Value{kind: Null}
	True      = Value{kind: Bool, text: "true"}
	False     = Value{kind: Bool, text: "false"}
	// EmptyObject is {} and EmptyArray is [].
	EmptyObject = NewObject()
	EmptyArray  = NewArray()
)

// NewBool returns the JSON boolean b.
func NewBool(b bool) Value {
	if b {
		return True
	}
	return False
}

// NewString returns the JSON string s. Bytes that are not UTF-8 become U+FFFD, as JSON has no way to write them.
func NewString(s string) Value { return Value{kind: String, text: strings.ToValidUTF8(s, "\uFFFD")} }

// NewInt returns the JSON number i.
func NewInt(i int64) Value { return Value{kind: Number, text: strconv.FormatInt(i, 10)} }

// NewFloat returns the JSON number f, written as ECMAScript writes it: shortest, without a fraction when f is whole.
// It panics on NaN and infinities, which JSON does not have.
func NewFloat(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		panic("value: number is not finite")
	}
	if f == 0 {
		return Value{kind: Number, text: "0"}
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return Value{kind: Number, text: strconv.FormatFloat(f, 'f', -1, 64)}
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	// Go writes e-07 where ECMAScript writes e-7.
	if i := strings.IndexByte(text, 'e'); i > 0 && len(text) == i+4 && text[i+2] == '0' {
		text = text[:i+2] + text[i+3:]
	}
	return Value{kind: Number, text: text}
}

// NewNumber returns the JSON number written as text, which must follow JSON's grammar.
func NewNumber(text string) (Value, error) {
	v, err := Parse([]byte(text))
	if err != nil || v.kind != Number {
		return Value{}, fmt.Errorf("parsing number %q: not a JSON number", text)
	}
	return v, nil
}

// NewArray returns an array of the elements. It keeps the slice.
func NewArray(elements ...Value) Value {
	n := &node{list: elements, size: 2}
	for _, e := range elements {
		n.size += e.Size() + 1
	}
	if len(elements) > 0 {
		n.size--
	}
	return Value{kind: Array, node: n}
}

// NewObject returns an object of the members in their order. Of members with one name the last one's value counts, at
// the place of the first.
func NewObject(members ...Member) Value {
	keys := make([]string, 0, len(members))
	list := make([]Value, 0, len(members))
	for _, m := range members {
		keys = append(keys, m.Name)
		list = append(list, m.Value)
	}
	return newObject(keys, list)
}

// newObject takes over both slices.
func newObject(keys []string, list []Value) Value {
	n := &node{}
	n.setMembers(keys, list)
	n.size = 2
	for i, k := range n.keys {
		n.size += quotedSize(k) + 2 + n.list[i].Size()
	}
	if len(n.keys) > 0 {
		n.size--
	}
	return Value{kind: Object, node: n}
}

// setMembers takes over both slices, each name once.
func (n *node) setMembers(keys []string, list []Value) {
	if len(keys) > indexAbove {
		n.index = make(map[string]int, len(keys))
	}
	out := 0
	for i, k := range keys {
		if at := n.find(keys[:out], k); at >= 0 {
			list[at] = list[i]
			continue
		}
		keys[out], list[out] = k, list[i]
		if n.index != nil {
			n.index[k] = out
		}
		out++
	}
	n.keys, n.list = keys[:out], list[:out]
}

// find is the place of name among keys, which the index, where there is one, knows; -1 where it is not there.
func (n *node) find(keys []string, name string) int {
	if n.index != nil {
		if i, ok := n.index[name]; ok {
			return i
		}
		return -1
	}
	return slices.Index(keys, name)
}

// Of converts a Go value made of nil, bool, string, ints, float64, Value, []Value, []string, []any and map[string]any
// (whose names are sorted). It panics on anything else: it is for literals in code.
func Of(x any) Value {
	switch x := x.(type) {
	case nil:
		return NullValue
	case Value:
		return x
	case bool:
		return NewBool(x)
	case string:
		return NewString(x)
	case int:
		return NewInt(int64(x))
	case int32:
		return NewInt(int64(x))
	case int64:
		return NewInt(x)
	case float64:
		return NewFloat(x)
	case []Value:
		return NewArray(x...)
	case []string:
		list := make([]Value, len(x))
		for i, s := range x {
			list[i] = NewString(s)
		}
		return NewArray(list...)
	case []any:
		list := make([]Value, len(x))
		for i, e := range x {
			list[i] = Of(e)
		}
		return NewArray(list...)
	case map[string]any:
		return ofMap(x)
	}
	panic(fmt.Sprintf("value: cannot hold a %T", x))
}

// Kind is the JSON type of v.
func (v Value) Kind() Kind { return v.kind }

// IsAbsent reports whether v is the zero Value.
func (v Value) IsAbsent() bool { return v.kind == Absent }

// IsNull reports whether v is JSON's null.
func (v Value) IsNull() bool { return v.kind == Null }

// Text is a string's characters, a number's text as written, "true" or "false" of a boolean, and "" of anything else.
func (v Value) Text() string { return v.text }

// Bool is true for JSON's true only.
func (v Value) Bool() bool { return v.kind == Bool && v.text == "true" }

// Int64 is the number v where it is a whole one in range ("3", "3.0" and "3e2" are).
func (v Value) Int64() (int64, bool) {
	if v.kind != Number {
		return 0, false
	}
	if i, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return i, true
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// Float64 is the number v, rounded to the nearest double; ok is false for other kinds and numbers out of range.
func (v Value) Float64() (f float64, ok bool) {
	if v.kind != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}

// Len is the number of elements or members, and 0 for other kinds.
func (v Value) Len() int {
	if v.node == nil {
		return 0
	}
	return len(v.node.list)
}

// Index is element i of an array, or the value of member i of an object. It panics out of range.
func (v Value) Index(i int) Value { return v.node.list[i] }

// Name is the name of member i of an object.
func (v Value) Name(i int) string { return v.node.keys[i] }

// Get is the value of the member called name; ok is false where v is no object or has none.
func (v Value) Get(name string) (member Value, ok bool) {
	i := v.find(name)
	if i < 0 {
		return Value{}, false
	}
	return v.node.list[i], true
}

// At is Get along several names, and Absent where one is missing.
func (v Value) At(names ...string) Value {
	for _, n := range names {
		v, _ = v.Get(n)
	}
	return v
}

func (v Value) find(name string) int {
	if v.kind != Object {
		return -1
	}
	return v.node.find(v.node.keys, name)
}

// AppendElements appends the elements of an array to list.
func (v Value) AppendElements(list []Value) []Value { return append(list, v.node.list...) }

// Elements yields an array's elements in order; nothing for other kinds.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.kind != Array {
			return
		}
		for i, e := range v.node.list {
			if !yield(i, e) {
				return
			}
		}
	}
}

// Members yields an object's names and values in order; nothing for other kinds.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.kind != Object {
			return
		}
		for i, k := range v.node.keys {
			if !yield(k, v.node.list[i]) {
				return
			}
		}
	}
}

// With is the object v with member name set: in its place where there is one, else at the end. Absent counts as {}.
// It panics on other kinds.
func (v Value) With(name string, member Value) Value {
	if v.kind == Absent {
		v = EmptyObject
	}
	if v.kind != Object {
		panic("value: With on " + v.kind.String())
	}
	n := v.node
	keys := append(make([]string, 0, len(n.keys)+1), n.keys...)
	list := append(make([]Value, 0, len(n.list)+1), n.list...)
	if i := v.find(name); i >= 0 {
		list[i] = member
	} else {
		keys, list = append(keys, name), append(list, member)
	}
	return newObject(keys, list)
}

// Without is the object v less the member name.
func (v Value) Without(name string) Value {
	i := v.find(name)
	if i < 0 {
		return v
	}
	n := v.node
	keys := append(append(make([]string, 0, len(n.keys)), n.keys[:i]...), n.keys[i+1:]...)
	list := append(append(make([]Value, 0, len(n.list)), n.list[:i]...), n.list[i+1:]...)
	return newObject(keys, list)
}

// WithIndex is the array v with element i replaced. It panics out of range.
func (v Value) WithIndex(i int, element Value) Value {
	list := append([]Value(nil), v.node.list...)
	list[i] = element
	return NewArray(list...)
}

// Equal reports whether a and b are the same JSON: numbers by their value, objects whatever their order.
func Equal(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case Absent, Null:
		return true
	case Bool, String:
		return a.text == b.text
	case Number:
		return a.text == b.text || CompareNumbers(a, b) == 0
	}
	if a.node == b.node {
		return true
	}
	if len(a.node.list) != len(b.node.list) {
		return false
	}
	for i, e := range a.node.list {
		other := Value{}
		if a.kind == Array {
			other = b.node.list[i]
		} else if other, _ = b.Get(a.node.keys[i]); other.kind == Absent {
			return false
		}
		if !Equal(e, other) {
			return false
		}
	}
	return true
}

// CompareNumbers is -1, 0 or 1 as number a is less than, equal to or greater than number b, exactly: no rounding to a
// double. Exponents beyond four digits are compared as doubles.
func CompareNumbers(a, b Value) int {
	if isShort(a.text) && isShort(b.text) {
		f, _ := strconv.ParseFloat(a.text, 64)
		g, _ := strconv.ParseFloat(b.text, 64)
		return cmp.Compare(f, g)
	}
	x, xok := exact(a.text)
	y, yok := exact(b.text)
	if xok && yok {
		return x.Cmp(y)
	}
	f, _ := strconv.ParseFloat(a.text, 64)
	g, _ := strconv.ParseFloat(b.text, 64)
	switch {
	case f < g:
		return -1
	case f > g:
		return 1
	}
	return 0
}

// isShort reports whether a number has at most 15 significant digits and no exponent: among those, different numbers are
// different doubles in the same order.
func isShort(text string) bool { return len(text) <= 15 && !strings.ContainsAny(text, "eE") }

func exact(text string) (*big.Rat, bool) {
	if e := strings.IndexAny(text, "eE"); e >= 0 && len(text)-e > 6 {
		return nil, false // 1e999999999 would take a gigabyte
	}
	return new(big.Rat).SetString(text)
}

// Size is the length in bytes of v's compact JSON text. It is known without walking v.
func (v Value) Size() int {
	switch v.kind {
	case Null:
		return 4
	case Bool, Number:
		return len(v.text)
	case String:
		return quotedSize(v.text)
	case Array, Object:
		return v.node.size
	}
	return 0
}

// Digest names v by its content. Arrays and objects remember theirs.
func (v Value) Digest() Digest {
	d, _ := v.digestText()
	return d
}

// digestText is the digest, and the text that it was computed from; nil where it was remembered.
func (v Value) digestText() (Digest, []byte) {
	if v.node != nil {
		if d := v.node.sum.Load(); d != nil {
			return *d, nil
		}
	}
	text := v.AppendJSON(make([]byte, 0, v.Size()))
	d := DigestOf(text)
	v.remember(d)
	return d, text
}

func (v Value) remember(d Digest) {
	if v.node != nil {
		v.node.sum.Store(&d)
	}
}

// ParseNamed is Parse for a text that was stored under d, whose digest need not be computed again.
func ParseNamed(d Digest, text []byte) (Value, error) {
	v, err := parseStored(text)
	if err == nil {
		v.remember(d)
	}
	return v, err
}

// Same reports whether a and b are one and the same in memory, so equal without a look inside. False says nothing.
func Same(a, b Value) bool {
	return a.kind == b.kind && a.node == b.node && (a.node != nil || a.text == b.text)
}

var errTrailing = errors.New("more than one JSON value")
