package jsonata

import "strings"

// signature is what a function takes: <s-nn?:s>. What it returns is not checked.
type signature struct {
	params []param
}

// param is one parameter.
type param struct {
	kind    byte   // the letter; 'a' for arrays, '(' for a choice
	accepts string // the letters of the types that pass, "m" for nothing at all
	subtype string // of an array or a function: what stands in <>
	min     int    // 0 where it may be left out
	many    bool   // one or more
	context bool   // the context is taken where it is left out
}

// anything is what a parameter of any type accepts.
const anything = "asnblfom"

// parseSignature reads "<params:result>". The position of its errors is the offset in the signature.
func parseSignature(text string) (*signature, error) {
	s := &signature{}
	for i := 1; i < len(text) && text[i] != ':'; i++ {
		var err error
		switch c := text[i]; c {
		case 's', 'n', 'b', 'l', 'o':
			s.add(c, string(c)+"m")
		case 'a', 'x':
			s.add(c, anything)
		case 'j':
			s.add(c, "asnblom")
		case 'f':
			s.add(c, "f")
		case '(':
			i, err = s.choice(text, i)
		case '<':
			i, err = s.subtype(text, i)
		default:
			s.modify(c)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

func mustSignature(text string) *signature {
	if text == "" {
		return nil
	}
	s, err := parseSignature(text)
	if err != nil {
		panic(err)
	}
	return s
}

func (s *signature) add(kind byte, accepts string) {
	s.params = append(s.params, param{kind: kind, accepts: accepts, min: 1})
}

// modify applies -, ? or + to the last parameter.
func (s *signature) modify(c byte) {
	if len(s.params) == 0 {
		return
	}
	last := &s.params[len(s.params)-1]
	switch c {
	case '-':
		last.context, last.min = true, 0
	case '?':
		last.min = 0
	case '+':
		last.many = true
	}
}

func (s *signature) choice(text string, at int) (end int, err error) {
	end = closing(text, at, '(', ')')
	choice := text[at+1 : end]
	if strings.Contains(choice, "<") {
		return 0, failWith("S0402", choice).at(at, "")
	}
	s.add('(', choice+"m")
	return end, nil
}

func (s *signature) subtype(text string, at int) (end int, err error) {
	kind := ""
	if n := len(s.params); n > 0 {
		last := &s.params[n-1]
		if last.kind == 'a' || last.kind == 'f' {
			end = closing(text, at, '<', '>')
			last.subtype = text[at+1 : end]
			return end, nil
		}
		kind = string(last.kind)
	}
	return 0, failWith("S0401", kind).at(at, "")
}

// closing is the offset of the bracket that closes the one at from, or of the end.
func closing(text string, from int, opens, closes byte) int {
	depth := 0
	for i := from; i < len(text); i++ {
		switch text[i] {
		case opens:
			depth++
		case closes:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// letter is the type of v as signatures write it.
func letter(v any) byte {
	switch v.(type) {
	case string:
		return 's'
	case float64:
		return 'n'
	case bool:
		return 'b'
	case null:
		return 'l'
	case *array, *stream:
		return 'a'
	case *object:
		return 'o'
	case function:
		return 'f'
	}
	return 'm'
}

// match gives each parameter from the ith on a number of arguments, as many as possible for the first ones, so that all
// of types are used up, or with prefix set perhaps not all. It reports whether that can be.
func (s *signature) match(params []param, types string, counts []int, prefix bool) bool {
	if len(params) == 0 {
		return prefix || types == ""
	}
	p := params[0]
	most := 0
	for most < len(types) && strings.IndexByte(p.accepts, types[most]) >= 0 && (most == 0 || p.many) {
		most++
	}
	for n := most; n >= p.min; n-- {
		if s.match(params[1:], types[n:], counts[1:], prefix) {
			counts[0] = n
			return true
		}
	}
	return false
}

// check holds args against s and returns what the function gets: with the context where an argument is left out, and
// with arrays around single values where an array is asked for.
func (s *signature) check(args []any, context any) ([]any, error) {
	if s == nil {
		return args, nil
	}
	letters := make([]byte, len(args))
	for i, a := range args {
		letters[i] = letter(a)
	}
	var few [8]int
	counts := few[:]
	if len(s.params) > len(few) {
		counts = make([]int, len(s.params))
	}
	types := string(letters)
	if !s.match(s.params, types, counts[:len(s.params)], false) {
		return nil, s.mismatch(args, types)
	}
	checked := make([]any, 0, len(s.params))
	next := 0
	for i := range s.params {
		p := &s.params[i]
		if counts[i] == 0 {
			if !p.context {
				checked = append(checked, nil)
				continue
			}
			if strings.IndexByte(p.accepts, letter(context)) < 0 {
				return nil, failWith("T0411", context).with("index", float64(next+1))
			}
			checked = append(checked, context)
			continue
		}
		for range counts[i] {
			v, err := p.check(args[next], next, counts[i])
			if err != nil {
				return nil, err
			}
			checked = append(checked, v)
			next++
		}
	}
	return checked, nil
}

var plurals = map[byte]string{
	'a': "arrays", 'b': "booleans", 'f': "functions", 'n': "numbers", 'o': "objects", 's': "strings",
}

// check makes an array of v where p is one, and holds its elements against the subtype.
func (p *param) check(v any, index, count int) (any, error) {
	if p.kind != 'a' || v == nil {
		return v, nil
	}
	a, isArray := v.(*array)
	ok := true
	if p.subtype != "" && isArray {
		ok = allOf(a, p.subtype[0])
	} else if p.subtype != "" {
		ok = count == 1 && string(letter(v)) == p.subtype
	}
	if !ok {
		return nil, failWith("T0412", v).with("index", float64(index+1)).with("type", plurals[p.subtype[0]])
	}
	if !isArray {
		return arrayOf(v), nil
	}
	return a, nil
}

// allOf reports whether all elements are of the type with that letter.
func allOf(a *array, want byte) bool {
	if a.items == nil && a.src.IsAbsent() {
		return a.size == 0 || want == 'n'
	}
	for i := range a.len() {
		if letter(a.at(i)) != want {
			return false
		}
	}
	return true
}

// mismatch names the first argument that no way of reading the signature explains.
func (s *signature) mismatch(args []any, types string) error {
	good := 0
	for n := 1; n <= len(s.params); n++ {
		counts := make([]int, n)
		if !s.match(s.params[:n], types, counts, true) {
			break
		}
		good = 0
		for _, c := range counts {
			good += c
		}
	}
	e := fail("T0410")
	if good < len(args) {
		e = failWith("T0410", args[good])
	}
	return e.with("index", float64(good+1))
}
