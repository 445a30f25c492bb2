package expr

import (
	"fmt"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// intrinsic is one intrinsic function of the States Language.
type intrinsic struct {
	least, most int     // arguments; most is -1 where there is no bound
	params      []kinds // what each argument may be; the last holds for all that follow
	raw         bool    // a literal first argument comes with its escapes
	apply       func(s *Scope, args []value.Value) (value.Value, error)
}

// kinds is a set of kinds of values.
type kinds uint

const (
	numbers  = kinds(1 << value.Number)
	texts    = kinds(1 << value.String)
	arrays   = kinds(1 << value.Array)
	objects  = kinds(1 << value.Object)
	booleans = kinds(1 << value.Bool)
	anything = numbers | texts | arrays | objects | booleans | 1<<value.Null
)

func (k kinds) has(kind value.Kind) bool { return k>>kind&1 != 0 }

func (k kinds) String() string {
	var names []string
	for kind := value.Null; kind <= value.Object; kind++ {
		if k.has(kind) {
			article := "a "
			switch kind {
			case value.Null:
				article = ""
			case value.Array, value.Object:
				article = "an "
			}
			names = append(names, article+kind.String())
		}
	}
	return strings.Join(names, " or ")
}

// takes is what argument i may be.
func (f *intrinsic) takes(i int) kinds { return f.params[min(i, len(f.params)-1)] }

func (f *intrinsic) arity() string {
	switch {
	case f.most < 0:
		return fmt.Sprintf("at least %s", plural(f.least))
	case f.least == f.most:
		return plural(f.least)
	}
	return fmt.Sprintf("%d to %s", f.least, plural(f.most))
}

func plural(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

const intrinsicNames = "States.Array, ArrayContains, ArrayGetItem, ArrayLength, ArrayPartition, ArrayRange, ArrayUnique, Base64Decode, Base64Encode, " +
	"Format, Hash, JsonMerge, JsonToString, MathAdd, MathRandom, StringSplit, StringToJson or UUID"

// intrinsics are the functions by their names after "States.".
var intrinsics = map[string]*intrinsic{
	"Array":          {least: 0, most: -1, params: []kinds{anything}, apply: array},
	"ArrayContains":  {least: 2, most: 2, params: []kinds{arrays, anything}, apply: arrayContains},
	"ArrayGetItem":   {least: 2, most: 2, params: []kinds{arrays, numbers}, apply: arrayGetItem},
	"ArrayLength":    {least: 1, most: 1, params: []kinds{arrays}, apply: arrayLength},
	"ArrayPartition": {least: 2, most: 2, params: []kinds{arrays, numbers}, apply: arrayPartition},
	"ArrayRange":     {least: 3, most: 3, params: []kinds{numbers}, apply: arrayRange},
	"ArrayUnique":    {least: 1, most: 1, params: []kinds{arrays}, apply: arrayUnique},
	"Base64Decode":   {least: 1, most: 1, params: []kinds{texts}, apply: base64Decode},
	"Base64Encode":   {least: 1, most: 1, params: []kinds{texts}, apply: base64Encode},
	"Format":         {least: 1, most: -1, params: []kinds{texts, anything}, raw: true, apply: format},
	"Hash":           {least: 2, most: 2, params: []kinds{anything, texts}, apply: hash},
	"JsonMerge":      {least: 3, most: 3, params: []kinds{objects, objects, anything}, apply: jsonMerge},
	"JsonToString":   {least: 1, most: 1, params: []kinds{anything}, apply: jsonToString},
	"MathAdd":        {least: 2, most: 2, params: []kinds{numbers}, apply: mathAdd},
	"MathRandom":     {least: 2, most: 3, params: []kinds{numbers}, apply: mathRandom},
	"StringSplit":    {least: 2, most: 2, params: []kinds{texts}, apply: stringSplit},
	"StringToJson":   {least: 1, most: 1, params: []kinds{texts}, apply: stringToJSON},
	"UUID":           {least: 0, most: 0, params: []kinds{anything}, apply: uuid},
}
