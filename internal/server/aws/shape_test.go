package aws

import (
	"errors"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

func TestViolations(t *testing.T) {
	t.Parallel()
	item := Structure("Item", Required("arn", Text(1, 5)), Required("weight", Integer(0, 100)))
	shape := Structure("Input",
		Required("name", Text(1, 5).Matching(`^[a-z]+$`, `[a-z]+`)),
		Optional("items", List(1, 2, item)),
		Optional("level", Enum("ALL", "OFF")),
		Optional("secret", Sensitive(1, 3)),
		Optional("data", Data(4).Quota()),
		Optional("share", Float(0, 1)),
		Optional("nested", Structure("Nested", Optional("flag", Boolean()), Optional("text", Text(2, -1)))))
	const one = "1 validation error detected: "
	for in, want := range map[string]string{
		`{"name":"abc","unknown":[1]}`:                           "",
		`{"name":"abc","items":null,"level":null,"data":"abcd"}`: "",
		`{}`:                                 one + "Value null at 'name' failed to satisfy constraint: Member must not be null",
		`{"name":null}`:                      one + "Value null at 'name' failed to satisfy constraint: Member must not be null",
		`{"name":"abcdef"}`:                  one + "Value 'abcdef' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5",
		`{"name":"ÄÖÜäö"}`:                   one + "Value 'ÄÖÜäö' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z]+$",
		`{"name":"a","level":"x"}`:           one + "Value 'x' at 'level' failed to satisfy constraint: Member must satisfy enum value set: [ALL, OFF]",
		`{"name":"a","secret":"abcd"}`:       one + "Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 3",
		`{"name":"a","data":"äöü"}`:          one + "Value at 'data' failed to satisfy constraint: Member must have size less than or equal to 4 bytes in UTF-8 encoding",
		`{"name":"a","share":1.5}`:           one + "Value '1.5' at 'share' failed to satisfy constraint: Member must have value less than or equal to 1",
		`{"name":"a","nested":{"text":"x"}}`: one + "Value 'x' at 'nested.text' failed to satisfy constraint: Member must have length greater than or equal to 2",
		`{"name":"a","items":[]}`:            one + "Value '[]' at 'items' failed to satisfy constraint: Member must have length greater than or equal to 1",
		`{"name":"a","items":[{"arn":"x","weight":1},{"arn":"y"},{"arn":"z","weight":3}]}`: "2 validation errors detected: " +
			"Value '[Item(arn=x, weight=1), Item(arn=y, weight=null), Item(arn=z, weight=3)]' at 'items' failed to satisfy constraint: Member must have length less than or equal to 2; " +
			"Value null at 'items.2.member.weight' failed to satisfy constraint: Member must not be null",
		`{"name":"a","items":[{"arn":"x","weight":101}]}`: one + "Value '101' at 'items.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100",
	} {
		err := shape.Check(value.MustParse(in), true)
		var e *Error
		switch {
		case want == "":
			if err != nil {
				t.Errorf("%s: %v", in, err)
			}
		case !errors.As(err, &e) || e.Code != "ValidationException" || e.Message != want:
			t.Errorf("%s:\n%v, want\n%s", in, err, want)
		}
	}
	if err := shape.Check(value.MustParse(`{"name":"a","data":"abcdefgh"}`), false); err != nil {
		t.Errorf("a quota counts though none is in force: %v", err)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	shape := Structure("Input", Optional("s", Text(0, -1)), Optional("i", Integer(-1, -1)), Optional("f", Float(-1, -1)),
		Optional("b", Boolean()), Optional("l", List(0, -1, Text(0, -1))), Optional("o", Structure("O", Optional("s", Text(0, -1)))))
	for in, want := range map[string]string{
		`{"s":"a","i":3.0,"f":0.5,"b":false,"l":["x"],"o":{"s":"y"}}`: "",
		`{"s":true}`:     "BOOLEAN_VALUE can not be converted to a String",
		`{"s":{}}`:       "Start of structure or map found where not expected",
		`{"i":"3"}`:      "STRING_VALUE can not be converted to an Integer",
		`{"i":3.5}`:      "NUMBER_VALUE can not be converted to an Integer",
		`{"f":"x"}`:      "STRING_VALUE can not be converted to a Float",
		`{"b":1}`:        "NUMBER_VALUE can not be converted to a Boolean",
		`{"l":"x"}`:      "Unexpected field type",
		`{"l":[1]}`:      "NUMBER_VALUE can not be converted to a String",
		`{"o":[]}`:       "Unexpected field type",
		`{"o":{"s":[]}}`: "Start of structure or map found where not expected",
	} {
		err := shape.Check(value.MustParse(in), true)
		var e *Error
		switch {
		case want == "":
			if err != nil {
				t.Errorf("%s: %v", in, err)
			}
		case !errors.As(err, &e) || e.Code != "SerializationException" || e.Message != want:
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}
