package asl

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tutti-ml/tutti/internal/run"
)

// duplicates refuses objects with two members of one name: which of them is meant cannot be known.
func (c *compiler) duplicates(source []byte) {
	d := jsontext.NewDecoder(bytes.NewReader(source))
	for {
		_, err := d.ReadToken()
		if err == nil {
			continue
		}
		if errors.Is(err, jsontext.ErrDuplicateName) {
			var se *jsontext.SyntacticError
			errors.As(err, &se)
			at := c.alone + pointer(se.JSONPointer)
			c.problem(at, codeJSON, "Duplicate field '%s'", at.last())
		}
		return
	}
}

// locate gives every finding its places and puts them into order.
func (c *compiler) locate(source []byte) run.Problems {
	if len(c.findings) == 0 {
		return nil
	}
	offsets := offsets(source)
	for i := range c.findings {
		c.findings[i].offset = c.place(offsets, c.findings[i].Pointer)
	}
	slices.SortStableFunc(c.findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.offset, b.offset))
	})
	problems := make(run.Problems, len(c.findings))
	for i, f := range c.findings {
		before := source[:f.offset]
		f.Line = 1 + bytes.Count(before, []byte("\n"))
		f.Column = len(before) - bytes.LastIndexByte(before, '\n')
		switch {
		case f.Code == codeJSON:
			f.Location = sourceLocation(source, f.Line, f.Column)
		case !f.nowhere:
			f.Location = f.of.location(c.root)
		}
		problems[i] = f.Problem
	}
	return problems
}

// place is where in the source the value stands that at points at, or else the nearest around it.
func (c *compiler) place(offsets map[string]int, at string) int {
	for at = strings.TrimPrefix(at, string(c.alone)); ; at = at[:strings.LastIndexByte(at, '/')] {
		if o, ok := offsets[at]; ok {
			return o
		}
		if at == "" {
			return 0
		}
	}
}

// offsets finds where every value of the file begins, by its JSON pointer: a member where its name does.
func offsets(source []byte) map[string]int {
	found := make(map[string]int)
	d := jsontext.NewDecoder(bytes.NewReader(source), jsontext.AllowDuplicateNames(true))
	for {
		kind := d.PeekKind()
		if _, err := d.ReadToken(); err != nil {
			return found
		}
		if kind == '}' || kind == ']' {
			continue
		}
		at := string(d.StackPointer())
		if _, known := found[at]; !known {
			found[at] = tokenStart(source, int(d.InputOffset()), kind)
		}
	}
}

// tokenStart is where the token of the given kind begins that ends before end.
func tokenStart(source []byte, end int, kind jsontext.Kind) int {
	switch kind {
	case '{', '[':
		return end - 1
	case '"':
		for i := end - 2; i >= 0; i-- {
			if source[i] == '"' && !escaped(source, i) {
				return i
			}
		}
	}
	i := end
	for i > 0 && !strings.ContainsRune(" \t\r\n,:[{", rune(source[i-1])) {
		i--
	}
	return i
}

// escaped reports whether an odd number of backslashes stands before source[i].
func escaped(source []byte, i int) bool {
	n := 0
	for i > n && source[i-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}
