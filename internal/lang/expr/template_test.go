package expr

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tutti-ml/tutti/internal/value"
)

func TestTemplateEval(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, template, want string }{
		{"literal", `{"a":1.50,"b":["$.x"]}`, `{"a":1.50,"b":["$.x"]}`},
		{"scalar", `"$.limit"`, `"$.limit"`},
		{"path", `{"x.$":"$.limit","y":2}`, `{"x":10,"y":2}`},
		{"order is kept", `{"b.$":"$.limit","a":1,"c.$":"$.none"}`, `{"b":10,"a":1,"c":null}`},
		{"nested", `{"a":{"b":[1,{"c.$":"$.limit"},"$.limit"]}}`, `{"a":{"b":[1,{"c":10},"$.limit"]}}`},
		{"array", `[{"c.$":"$.limit"},{"c":"$.limit"}]`, `[{"c":10},{"c":"$.limit"}]`},
		{"indefinite", `{"p.$":"$..price"}`, `{"p":[8.95,8.99,22.99,19.95]}`},
		{"call", `{"s.$":"States.Format('{}/{}', $.limit, $$.Execution.Id)"}`, `{"s":"10/e1"}`},
		{"variable", `{"v.$":"$answer","w.$":"$$.Execution.Input.n"}`, `{"v":42,"w":7}`},
		{"what a path gives is no template", `{"x.$":"$.store.book[0].title"}`, `{"x":"Sayings"}`},
		{"dollar in the middle", `{"a.$.b":1,"$":2}`, `{"a.$.b":1,"$":2}`},
		{"empty", `{"a":{},"b":[],"c.$":"$.limit"}`, `{"a":{},"b":[],"c":10}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tmpl, problems := ParseTemplate(value.MustParse(tt.template))
			if problems != nil {
				t.Fatal(problems)
			}
			if want := tt.template == tt.want; tmpl.Literal() != want {
				t.Errorf("Literal() = %t, want %t", tmpl.Literal(), want)
			}
			got, err := tmpl.Eval(scopeOf(library))
			if err != nil || got.JSON() != tt.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestTemplateSharesItsLiterals(t *testing.T) {
	t.Parallel()
	source := value.MustParse(`{"fixed": {"deep": [1, 2, 3]}, "x.$": "$.store"}`)
	tmpl, _ := ParseTemplate(source)
	s := scopeOf(library)
	got, err := tmpl.Eval(s)
	if err != nil {
		t.Fatal(err)
	}
	if !value.Same(got.At("fixed"), source.At("fixed")) {
		t.Error("a literal part was copied")
	}
	if !value.Same(got.At("x"), s.Input.At("store")) {
		t.Error("a part of the input was copied")
	}
	whole, _ := ParseTemplate(source.At("fixed"))
	if got, _ := whole.Eval(s); !value.Same(got, source.At("fixed")) {
		t.Error("a literal template was copied")
	}
}

// A path to an element that an array has not gives null, in a template alone.
func TestTemplatePastTheEnd(t *testing.T) {
	t.Parallel()
	tmpl, _ := ParseTemplate(value.MustParse(`{"y.$": "$.list[5]"}`))
	if got, err := tmpl.Eval(scopeOf(`{"list": [0]}`)); err != nil || got.JSON() != `{"y":null}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestTemplateFaults(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, template, code, text string }{
		{"missing path", `{"a": [{"y.$": "$.x"}]}`, Runtime, `The JSONPath '$.x' specified for the field 'y.$' could not be found in the input '{"n":1,"list":[0]}'`},
		{"missing in the context", `{"y.$": "$$.Execution.x"}`, Runtime, `The JSONPath '$$.Execution.x' specified for the field 'y.$' could not be found in the input '{"n":1,"list":[0]}'`},
		{"missing in a call", `{"y.$": "States.Array($.x)"}`, Runtime, `The function 'States.Array($.x)' had the following error: The JsonPath argument for the field '$.x' could not be found in the input '{"n":1,"list":[0]}'`},
		{"call", `{"ok.$": "$.n", "y.$": "States.ArrayLength($.n)"}`, Runtime, `There was an error while evaluating the intrinsic function: States.ArrayLength($.n). Invalid arguments in States.ArrayLength`},
		{"past an end in a call", `{"y.$": "States.Array($.list[1])"}`, Runtime, `The function 'States.Array($.list[1])' had the following error: The JsonPath argument for the field '$.list[1]' could not be found in the input '{"n":1,"list":[0]}'`},
		{"past an end on the way", `{"y.$": "$.list[1].a"}`, Runtime, `The JSONPath '$.list[1].a' specified for the field 'y.$' could not be found in the input '{"n":1,"list":[0]}'`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tmpl, problems := ParseTemplate(value.MustParse(tt.template))
			if problems != nil {
				t.Fatal(problems)
			}
			_, err := tmpl.Eval(scopeOf(`{"n": 1, "list": [0]}`))
			var e *Error
			if !errors.As(err, &e) || e.Code != tt.code || e.Text != tt.text {
				t.Errorf("got  %v\nwant %s: %s", err, tt.code, tt.text)
			}
		})
	}
}

func TestParseTemplateReportsEveryFault(t *testing.T) {
	t.Parallel()
	tmpl, problems := ParseTemplate(value.MustParse(`{
	  "a.$": 1,
	  "ok.$": "$.fine",
	  "list": [0, {"b/c~d.$": "ipsum"}],
	  "e": {"f.$": "$.x["},
	  "g": 1,
	  "g.$": "$.g"
	}`))
	want := []Problem{
		{"/a.$", `The value for the field 'a.$' must be a STRING that contains a JSONPath or an intrinsic function call`, ""},
		{"/list/1/b~1c~0d.$", `The value for the field 'b/c~d.$' must be a valid JSONPath or a valid intrinsic function call`, `"ipsum", column 1: expected an intrinsic function: ` + intrinsicNames + `, found "ipsum"`},
		{"/e/f.$", `The value for the field 'f.$' must be a valid JSONPath or a valid intrinsic function call`, `"$.x[", column 5: expected a quoted name, an index, a slice, '*' or '?(' after '[', found the end`},
		{"/g.$", `The field 'g' is given by both 'g' and 'g.$'`, "Keep one of them"},
	}
	if tmpl != nil {
		t.Error("a template with faults was returned")
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}
