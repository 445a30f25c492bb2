package asl

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReferences(t *testing.T) {
	t.Parallel()
	const file = `{"StartAt":"A","States":{
	"A":{"Type":"Pass","Assign":{"x":1,"y.$":"$.n"},"Result":{"p.$":"$x"},"Parameters":{"literal":"$x","SomePath":"$x"},"Next":"B"},
	"B":{"Type":"Choice","Choices":[{"And":[{"Variable":"$x","NumericEqualsPath":"$y"},{"Not":{"Variable":"$$.Execution.Id","IsNull":true}}],
		"Assign":{"z.$":"States.Format('{}{}', $w, States.Hash($v[0], 'MD5'))"},"Next":"M"}],"Default":"M"},
	"M":{"Type":"Map","ItemsPath":"$list[?(@.a == 1)]","MaxConcurrencyPath":"$most","ItemSelector":{"i":[{"v.$":"$item"}]},
		"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV","MaxItemsPath":"$rows"},"Parameters":{"Bucket.$":"$bucket"}},
		"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"I","States":{
		"I":{"Type":"Pass","InputPath":"$outer","End":true}}},
		"Catch":[{"ErrorEquals":["States.ALL"],"Assign":{"e.$":"$x"},"Next":"J"}],"Next":"J"},
	"J":{"Type":"Pass","QueryLanguage":"JSONata","Output":{"a":["{% $states.input.a + $j %}","$x"],"b":"{% ($t := $k; $uuid() & $t) %}"},
		"Assign":{"n":"{% $random() > 0 ? $l : $sum([1]) %}"},"Next":"P"},
	"P":{"Type":"Parallel","Branches":[{"StartAt":"Q","States":{"Q":{"Type":"Wait","TimestampPath":"$when.at","End":true}}}],"End":true}}}`
	want := []Reference{
		{"B", []string{"v", "w", "x", "y"}},
		{"M", []string{"bucket", "item", "list", "most", "rows", "x"}},
		{"I", []string{"outer"}},
		{"J", []string{"j", "k", "l"}},
		{"Q", []string{"when"}},
	}
	if d := cmp.Diff(want, References([]byte(file))); d != "" {
		t.Error(d)
	}
}
