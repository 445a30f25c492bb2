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
			c.problem(pointer(se.JSONPointer), codeJSON, "Duplicate field: the object has another of that name")
		}
		return
	}
}

// locate gives every problem the line and column of its place, and puts them into the order of the file.
func (c *compiler) locate(source []byte) {
	if len(c.problems) == 0 {
		return
	}
	offsets := offsets(source)
	place := func(p run.Problem) int {
		for at := p.Pointer; ; at = at[:strings.LastIndexByte(at, '/')] {
			if o, ok := offsets[at]; ok {
				return o
			}
			if at == "" {
				return 0
			}
		}
	}
	slices.SortStableFunc(c.problems, func(a, b run.Problem) int { return cmp.Compare(place(a), place(b)) })
	for i := range c.problems {
		p := &c.problems[i]
		before := source[:place(*p)]
		p.Line = 1 + bytes.Count(before, []byte("\n"))
		p.Column = len(before) - bytes.LastIndexByte(before, '\n')
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
