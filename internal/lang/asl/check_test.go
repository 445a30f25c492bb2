package asl

import (
	"slices"
	"strings"
	"testing"

	"github.com/tutti-ml/tutti/internal/value"
)

func TestCheckOfResources(t *testing.T) {
	t.Parallel()
	there := Resources{
		Known: func(arn string) bool { return arn == "arn:x:states:::queue:put" },
		Names: []string{"arn:x:states:::queue:put"},
	}
	source := func(resource string) []byte {
		return []byte(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"` + resource + `","End":true}}}`)
	}
	if problems := Check(source("arn:x:states:::queue:put"), Terms{Resources: &there}); len(problems) != 0 {
		t.Errorf("a resource that is there: %v", problems)
	}
	problems := Check(source("arn:x:states:::queue:putt"), Terms{Resources: &there})
	if len(problems) != 1 || problems[0].Warning || problems[0].Pointer != "/States/A/Resource" || problems[0].Line != 1 ||
		!strings.Contains(problems[0].Hint, `Did you mean "arn:x:states:::queue:put"?`) {
		t.Errorf("a resource that is not there: %+v", problems)
	}
	if _, err := Compile(source("arn:x:states:::queue:putt")); err != nil {
		t.Errorf("a file that was taken once does not compile any more: %v", err)
	}
	there.Missing = func(arn string, named value.Value) []Missing {
		if arn != "arn:x:states:::queue:put" || named.Len() != 1 {
			t.Errorf("asked of %s with %s", arn, named)
		}
		return []Missing{{Member: "Queue", Text: "There is no queue " + named.At("Queue").JSON() + " here."}}
	}
	problems = Check([]byte(`{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:x:states:::queue:put",
		"Parameters":{"Queue":"q","Body.$":"$"},"End":true}}}`), Terms{Resources: &there})
	if len(problems) != 1 || problems[0].Pointer != "/States/A/Parameters/Queue" || problems[0].Line != 2 {
		t.Errorf("a queue that is not there: %+v", problems)
	}
	there.Missing = nil
	// A placeholder is a warning, as ever, and faults of another kind are told beside.
	problems = Check([]byte(`{"StartAt":"A","States":{
		"A":{"Type":"Task","Resource":"${Fn}","Next":"B"},
		"B":{"Type":"Task","Resource":"arn:x:states:::other","Next":"C"}}}`), Terms{Resources: &there})
	var at []string
	for _, p := range problems {
		at = append(at, p.Pointer)
	}
	if want := []string{"/States/A/Resource", "/States/B/Resource", "/States/B/Next", "/States"}; !slices.Equal(at, want) || !problems[0].Warning {
		t.Errorf("faults at %v, want %v", at, want)
	}
}
