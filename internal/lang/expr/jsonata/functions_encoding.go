package jsonata

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

var encodingFunctions = []*native{
	define("base64encode", "<s-:s>", 1, ofString(base64Encode)),
	define("base64decode", "<s-:s>", 1, ofString(base64Decode)),
	define("encodeUrlComponent", "<s-:s>", 1, ofString(urlEncoder("encodeUrlComponent", ""))),
	define("encodeUrl", "<s-:s>", 1, ofString(urlEncoder("encodeUrl", urlReserved))),
	define("decodeUrlComponent", "<s-:s>", 1, ofString(urlDecoder("decodeUrlComponent", ""))),
	define("decodeUrl", "<s-:s>", 1, ofString(urlDecoder("decodeUrl", urlReserved))),
}

// base64Encode encodes the low byte of each code unit.
func base64Encode(c *call, s string) (any, error) {
	if err := c.grow(3 * len(s)); err != nil {
		return nil, err
	}
	units := make([]byte, 0, len(s))
	for _, r := range s {
		if r >= 0x10000 {
			units = append(units, byte((r-0x10000)>>10))
		}
		units = append(units, byte(r))
	}
	return base64.StdEncoding.EncodeToString(units), nil
}

// base64Decode decodes to a string of one character a byte. What is not of the alphabet is skipped.
func base64Decode(c *call, s string) (any, error) {
	if err := c.grow(3 * len(s)); err != nil {
		return nil, err
	}
	s, _, _ = strings.Cut(s, "=")
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '+', r == '/':
			return r
		}
		return -1
	}, s)
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	data, err := base64.RawStdEncoding.DecodeString(clean)
	if err != nil {
		return nil, &Error{Code: "D3137", Message: "decoding base64: " + err.Error()}
	}
	var b strings.Builder
	for _, octet := range data {
		b.WriteRune(rune(octet))
	}
	return b.String(), nil
}

const (
	urlPlain    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()"
	urlReserved = ";/?:@&=+$,#"
	hexDigits   = "0123456789ABCDEF"
)

// urlEncoder makes a function that escapes all but plain characters and keep.
func urlEncoder(name, keep string) func(c *call, s string) (any, error) {
	return func(c *call, s string) (any, error) {
		if !utf8.ValidString(s) {
			return nil, failWith("D3140", s).at(0, name)
		}
		if err := c.grow(3 * len(s)); err != nil {
			return nil, err
		}
		var b strings.Builder
		for _, octet := range []byte(s) {
			if strings.IndexByte(urlPlain, octet) >= 0 || strings.IndexByte(keep, octet) >= 0 {
				b.WriteByte(octet)
				continue
			}
			b.Write([]byte{'%', hexDigits[octet>>4], hexDigits[octet&15]})
		}
		return b.String(), nil
	}
}

// urlDecoder makes a function that undoes all escapes but those of keep.
func urlDecoder(name, keep string) func(c *call, s string) (any, error) {
	return func(c *call, s string) (any, error) {
		if err := c.grow(len(s)); err != nil {
			return nil, err
		}
		out := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			if s[i] != '%' {
				out = append(out, s[i])
				continue
			}
			if !isHex(s, i+1, 2) {
				return nil, failWith("D3140", s).at(0, name)
			}
			octet := unhex(s[i+1])<<4 | unhex(s[i+2])
			if strings.IndexByte(keep, octet) >= 0 {
				out = append(out, s[i:i+3]...)
			} else {
				out = append(out, octet)
			}
			i += 2
		}
		if !utf8.Valid(out) && utf8.ValidString(s) {
			return nil, failWith("D3140", s).at(0, name)
		}
		return string(out), nil
	}
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
