package asl

import (
	"fmt"
	"strings"
	"testing"
)

// TestLargeFiles holds that files of the size that Step Functions takes are checked without a time or a size that grows
// with its square. It is a test by its own end: what is quadratic here takes minutes.
func TestLargeFiles(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	repeat := func(before, each, after string) string {
		var b strings.Builder
		b.WriteString(before)
		for i := 0; b.Len() < size; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strings.ReplaceAll(each, "#", fmt.Sprint(i)))
		}
		return b.String() + after
	}
	nested := `{"Type":"Parallel","Next":"X","Branches":[{"StartAt":"P","States":{"P":`
	for name, source := range map[string]string{
		"lost transitions": repeat(`{"StartAt":"A","States":{`, `"state #":{"Type":"Pass","Next":"stade #"}`, `}}`),
		"unknown fields":   repeat(`{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,`, `"Parametres#":1`, `}}}`),
		"many rules":       repeat(`{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[`, `{"Variable":"$.a","NumericEqual":#,"Next":"A"}`, `]}}}`),
		"many retriers":    repeat(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:x","End":true,"Retry":[`, `{"ErrorEquals":["E#"],"Max":1}`, `]}}}`),
		"nested":           `{"StartAt":"P","States":{"P":` + strings.Repeat(nested, 1500),
		"nested and whole": `{"StartAt":"P","States":{"P":` + strings.Repeat(nested, 1500) + `1` + strings.Repeat(`}}]}`, 1500) + `}}`,
		"expressions":      repeat(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Output":{`, `"a#":"{% $states.input.a# + b %}"`, `}}}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := Check([]byte(source), Terms{})
			if len(problems) == 0 || Refusal([]byte(source), problems) == "" {
				t.Errorf("%d problems", len(problems))
			}
		})
	}
}
