package expr

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/tutti-ml/tutti/internal/value"
)

// maxEncoded is how many characters the Base64 and hash functions take (AWS's limit).
const maxEncoded = 10_000

func withinEncoded(s string) error {
	if n := utf8.RuneCountInString(s); n > maxEncoded {
		return errArguments
	}
	return nil
}

// How format refuses its template.
const (
	errOpenBrace  = refusal("Invalid template in States.%s: matching '}' not found for '{'.")
	errCloseBrace = refusal("Invalid template in States.%s: matching '{' not found for '}'.")
	errPlaces     = refusal("Invalid arguments in States.%s: number of arguments do not match the occurrences of {}.")
)

// format fills the arguments into {} of the first, in which \', \{, \} and \\ stand for the characters.
func format(_ *Scope, args []value.Value) (value.Value, error) {
	template, rest := args[0].Text(), args[1:]
	var b strings.Builder
	used := 0
	for i := 0; i < len(template); i++ {
		switch {
		case template[i] == '\\' && i+1 < len(template) && isEscapable(template[i+1]):
			i++
			b.WriteByte(template[i])
		case strings.HasPrefix(template[i:], "{}"):
			if used < len(rest) {
				b.WriteString(javaText(rest[used]))
			}
			used++
			i++
		case template[i] == '{':
			return value.Value{}, errOpenBrace
		case template[i] == '}':
			return value.Value{}, errCloseBrace
		default:
			b.WriteByte(template[i])
		}
	}
	if used != len(rest) {
		return value.Value{}, errPlaces
	}
	return value.NewString(b.String()), nil
}

func stringToJSON(_ *Scope, args []value.Value) (value.Value, error) {
	v, err := value.Parse([]byte(args[0].Text()))
	if err != nil {
		return value.Value{}, errArguments
	}
	return v, nil
}

func jsonToString(_ *Scope, args []value.Value) (value.Value, error) {
	return value.NewString(args[0].JSON()), nil
}

// jsonMerge merges shallowly, as every third argument but true asks for; nobody merges deeply.
func jsonMerge(_ *Scope, args []value.Value) (value.Value, error) {
	if args[2].Bool() {
		return value.Value{}, errArguments
	}
	members := make([]value.Member, 0, args[0].Len()+args[1].Len())
	for _, object := range args[:2] {
		for name, v := range object.Members() {
			members = append(members, value.Member{Name: name, Value: v})
		}
	}
	return value.NewObject(members...), nil
}

// stringSplit splits at each of the characters of the second argument, and drops empty parts.
func stringSplit(_ *Scope, args []value.Value) (value.Value, error) {
	separators := args[1].Text()
	parts := strings.FieldsFunc(args[0].Text(), func(r rune) bool { return strings.ContainsRune(separators, r) })
	list := make([]value.Value, len(parts))
	for i, part := range parts {
		list[i] = value.NewString(part)
	}
	return value.NewArray(list...), nil
}

func base64Encode(_ *Scope, args []value.Value) (value.Value, error) {
	data := args[0].Text()
	if err := withinEncoded(data); err != nil {
		return value.Value{}, err
	}
	return value.NewString(base64.StdEncoding.EncodeToString([]byte(data))), nil
}

// base64Decode takes what is not a digit for nothing and the first '=' for the end, as Step Functions does.
func base64Decode(_ *Scope, args []value.Value) (value.Value, error) {
	data := args[0].Text()
	if err := withinEncoded(data); err != nil {
		return value.Value{}, err
	}
	digits, _, _ := strings.Cut(data, "=")
	digits = strings.Map(base64Digit, digits)
	if len(digits)%4 == 1 {
		digits = digits[:len(digits)-1] // six bits make no byte
	}
	text, err := base64.RawStdEncoding.DecodeString(digits)
	if err != nil {
		return value.Value{}, errArguments
	}
	return value.NewString(string(text)), nil
}

// base64Digit is r as a digit of the standard alphabet, or -1 where it is none.
func base64Digit(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '+', r == '/':
		return r
	case r == '-':
		return '+'
	case r == '_':
		return '/'
	}
	return -1
}

// hash is the hexadecimal hash of a string's UTF-8, or of the JSON of another value.
func hash(_ *Scope, args []value.Value) (value.Value, error) {
	data := args[0].Text()
	if args[0].Kind() != value.String {
		data = args[0].JSON()
	}
	if err := withinEncoded(data); err != nil {
		return value.Value{}, err
	}
	sum, ok := digest(args[1].Text(), []byte(data))
	if !ok {
		return value.Value{}, errArguments
	}
	return value.NewString(hex.EncodeToString(sum)), nil
}

func digest(algorithm string, data []byte) ([]byte, bool) {
	switch algorithm {
	case "MD5":
		sum := md5.Sum(data)
		return sum[:], true
	case "SHA-1":
		sum := sha1.Sum(data)
		return sum[:], true
	case "SHA-256":
		sum := sha256.Sum256(data)
		return sum[:], true
	case "SHA-384":
		sum := sha512.Sum384(data)
		return sum[:], true
	case "SHA-512":
		sum := sha512.Sum512(data)
		return sum[:], true
	}
	return nil, false
}
