package mapdata

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/value"
)

// bucket is an S3 with one bucket, "b".
type bucket struct {
	objects map[string]string
	gets    int
}

func (b *bucket) s3(_ context.Context, _ kernel.Task, q Request) (*http.Response, error) {
	key := strings.TrimPrefix(strings.TrimPrefix(q.Path, "/b"), "/")
	switch {
	case q.Method == http.MethodPut:
		b.objects[key] = string(q.Body)
		return answer(200, ""), nil
	case key == "":
		return answer(200, b.listing(q)), nil
	}
	b.gets++
	text, ok := b.objects[key]
	if !ok {
		return answer(404, "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><RequestId>r</RequestId></Error>"), nil
	}
	if from := strings.TrimSuffix(strings.TrimPrefix(q.Header.Get("Range"), "bytes="), "-"); from != "" {
		n, _ := strconv.Atoi(from)
		if n >= len(text) {
			return answer(416, ""), nil
		}
		return answer(206, text[n:]), nil
	}
	return answer(200, text), nil
}

func (b *bucket) listing(q Request) string {
	type list struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		Contents    []entry
		IsTruncated bool
	}
	var l list
	most, _ := strconv.Atoi(q.Query.Get("max-keys"))
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if !strings.HasPrefix(key, q.Query.Get("prefix")) || key <= q.Query.Get("start-after") {
			continue
		}
		if l.IsTruncated = len(l.Contents) == most; l.IsTruncated {
			break
		}
		l.Contents = append(l.Contents, entry{key, time.Unix(1668699881, 0).UTC(), `"tag"`, int64(len(b.objects[key])), "STANDARD"})
	}
	text, _ := xml.Marshal(l)
	return string(text)
}

func answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status), Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Etag": {`"tag"`}},
	}
}

// readAll reads what an ItemReader names, piece by piece. Where cold is set every piece begins with nothing kept open, as
// after a restart.
func readAll(t *testing.T, b *bucket, spec string, cold bool) (items []string, sources []string, failure *run.Failure) {
	t.Helper()
	r := &reader{deps: Deps{S3: b.s3}}
	cursor := value.Value{}
	for range 1000 {
		payload := value.NewObject(value.Member{Name: "reader", Value: value.MustParse(spec)})
		if !cursor.IsAbsent() {
			payload = payload.With("cursor", cursor)
		}
		if cold {
			r = &reader{deps: Deps{S3: b.s3}}
		}
		o := r.Do(t.Context(), kernel.Task{Run: &store.Run{ID: 1}, Order: run.StartTask{Payload: payload}}, nil)
		if o.Failure != nil {
			return items, sources, o.Failure
		}
		got := o.Output.At("items")
		for name, v := range got.Members() {
			items = append(items, name+"="+v.JSON())
		}
		for _, v := range got.Elements() {
			items = append(items, v.JSON())
		}
		if s := o.Output.At("source").Text(); got.Len() > 0 && !slices.Contains(sources, s) {
			sources = append(sources, s)
		}
		if cursor = o.Output.At("cursor"); cursor.IsAbsent() {
			return items, sources, nil
		}
	}
	t.Fatal("reading does not end")
	return nil, nil, nil
}

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// TestReader reads every kind of data set that an ItemReader can name.
func TestReader(t *testing.T) {
	t.Parallel()
	const get = `"Resource": "arn:aws:states:::s3:getObject"`
	const list = `"Resource": "arn:aws:states:::s3:listObjectsV2"`
	const inventory = `{"destinationBucket": "arn:aws:s3:::b", "fileFormat": "CSV", "fileSchema": "Bucket, Key", "files": [{"key": "1.csv.gz"}, {"key": "2.csv.gz"}]}`
	objects := map[string]string{
		"rows.csv":    "\uFEFFa,b\r\n1,2\r\n\r\n\"x,\"\"y\"\"\nz\",\\\"q\\,\\\\\\n\r\n3\n4,5,6",
		"piped":       "1|2\n3|4\n",
		"twice.csv":   "a,a\n1,2\n",
		"list.json":   `[1, {"a": [2]}, "x"]`,
		"nested.json": `{"skip": [9], "in": {"de/ep": {"k": 1, "l": null}}, "rows": [[1], [2, 3]]}`,
		"lines":       "{\"a\":1}\n\n  [2]\n3",
		"p/1.jsonl":   "1\n2\n",
		"p/2.jsonl":   "3\n",
		"p/sub/":      "",
		"i.json":      inventory,
		"1.csv.gz":    gzipped("\"b\",\"k1\"\n\"b\",\"k2\"\n"),
		"2.csv.gz":    gzipped("\"b\",\"k3\"\n"),
		"athena.csv":  "s3://b/p/1.jsonl\ns3://b/p/2.jsonl\n",
		"bad.json":    `{"a": `,
	}
	for name, c := range map[string]struct {
		spec    string
		want    []string
		sources []string
		fails   string
	}{
		"CSV with a header": {
			`{` + get + `, "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "Arguments": {"Bucket": "b", "Key": "rows.csv"}}`,
			[]string{`{"a":"1","b":"2"}`, `{"a":"x,\"y\"\nz","b":"\"q,\\n"}`, `{"a":"3","b":""}`, `{"a":"4","b":"5"}`}, []string{"S3://b/rows.csv"}, "",
		},
		"CSV, the header given": {
			`{` + get + `, "InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"], "CSVDelimiter": "PIPE", "Arguments": {"Bucket": "b", "Key": "piped"}}`,
			[]string{`{"x":"1","y":"2"}`, `{"x":"3","y":"4"}`}, []string{"S3://b/piped"}, "",
		},
		"at most so many": {
			`{` + get + `, "InputType": "CSV", "MaxItems": 1, "CSVHeaderLocation": "FIRST_ROW", "Arguments": {"Bucket": "b", "Key": "rows.csv"}}`,
			[]string{`{"a":"1","b":"2"}`}, []string{"S3://b/rows.csv"}, "",
		},
		"0 is all": {
			`{` + get + `, "InputType": "JSON", "MaxItems": 0, "Arguments": {"Bucket": "b", "Key": "list.json"}}`,
			[]string{"1", `{"a":[2]}`, `"x"`}, []string{"S3://b/list.json"}, "",
		},
		"a node of JSON": {
			`{` + get + `, "InputType": "JSON", "ItemsPointer": "/in/de~1ep", "Arguments": {"Bucket": "b", "Key": "nested.json"}}`,
			[]string{"k=1", "l=null"}, []string{"S3://b/nested.json"}, "",
		},
		"an element of JSON": {
			`{` + get + `, "InputType": "JSON", "ItemsPointer": "/rows/1", "Arguments": {"Bucket": "b", "Key": "nested.json"}}`,
			[]string{"2", "3"}, []string{"S3://b/nested.json"}, "",
		},
		"JSON Lines": {
			`{` + get + `, "InputType": "JSONL", "Arguments": {"Bucket": "b", "Key": "lines"}}`,
			[]string{`{"a":1}`, "[2]", "3"}, []string{"S3://b/lines"}, "",
		},
		"a listing": {
			`{` + list + `, "Arguments": {"Bucket": "b", "Prefix": "p/"}}`,
			[]string{
				`{"Etag":"\"tag\"","Key":"p/1.jsonl","LastModified":1668699881,"Size":4,"StorageClass":"STANDARD"}`,
				`{"Etag":"\"tag\"","Key":"p/2.jsonl","LastModified":1668699881,"Size":2,"StorageClass":"STANDARD"}`,
				`{"Etag":"\"tag\"","Key":"p/sub/","LastModified":1668699881,"Size":0,"StorageClass":"STANDARD"}`,
			}, []string{"S3://b"}, "",
		},
		"what a listing names": {
			`{` + list + `, "Transformation": "LOAD_AND_FLATTEN", "InputType": "JSONL", "Arguments": {"Bucket": "b", "Prefix": "p/"}}`,
			[]string{"1", "2", "3"}, []string{"S3://b/p/1.jsonl", "S3://b/p/2.jsonl"}, "",
		},
		"an inventory": {
			`{` + get + `, "InputType": "MANIFEST", "Arguments": {"Bucket": "b", "Key": "i.json"}}`,
			[]string{`{"Bucket":"b","Key":"k1"}`, `{"Bucket":"b","Key":"k2"}`, `{"Bucket":"b","Key":"k3"}`}, []string{"S3://b/1.csv.gz", "S3://b/2.csv.gz"}, "",
		},
		"what Athena wrote": {
			`{` + get + `, "ManifestType": "ATHENA_DATA", "InputType": "JSONL", "Arguments": {"Bucket": "b", "Key": "athena.csv"}}`,
			[]string{"1", "2", "3"}, []string{"S3://b/p/1.jsonl", "S3://b/p/2.jsonl"}, "",
		},
		"no such object":   {`{` + get + `, "InputType": "JSON", "Arguments": {"Bucket": "b", "Key": "none"}}`, nil, nil, "The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; Request ID: r)"},
		"a header twice":   {`{` + get + `, "InputType": "CSV", "Arguments": {"Bucket": "b", "Key": "twice.csv"}}`, nil, nil, "CSV headers cannot contain duplicates."},
		"no items":         {`{` + get + `, "InputType": "JSON", "ItemsPointer": "/skip/0", "Arguments": {"Bucket": "b", "Key": "nested.json"}}`, nil, nil, "Attempting to map over non-iterable node."},
		"less than none":   {`{` + get + `, "InputType": "JSON", "MaxItems": -1, "Arguments": {"Bucket": "b", "Key": "list.json"}}`, nil, nil, "field MaxItems must be positive"},
		"no number":        {`{` + get + `, "InputType": "JSON", "MaxItems": "x", "MaxItemsPath": "$.n", "Arguments": {"Bucket": "b", "Key": "list.json"}}`, nil, nil, `The MaxItemsPath field refers to value "x" which is not a valid integer: $.n`},
		"no JSON":          {`{` + get + `, "InputType": "JSON", "Arguments": {"Bucket": "b", "Key": "bad.json"}}`, nil, nil, "The text is no JSON: jsontext: unexpected EOF within \"/a\" after offset 6"},
		"no bucket at all": {`{` + get + `, "InputType": "JSON"}`, nil, nil, "The Bucket of the ItemReader is no text."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, cold := range []bool{false, true} {
				got, sources, failure := readAll(t, &bucket{objects: objects}, c.spec, cold)
				if failure != nil && (failure.Error != errReader || failure.Cause != c.fails) || failure == nil && c.fails != "" {
					t.Fatalf("failed with %+v, want %q", failure, c.fails)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("items:\n%s", diff)
				}
				if diff := cmp.Diff(c.sources, sources); diff != "" {
					t.Errorf("sources:\n%s", diff)
				}
			}
		})
	}
}

// TestReaderInPieces reads long data sets: each item comes once and in order, whether a piece goes on where the one
// before it stopped reading or begins at its cursor with nothing kept.
func TestReaderInPieces(t *testing.T) {
	t.Parallel()
	const n = 3500
	var rows, lines strings.Builder
	var numbers, want []string
	rows.WriteString("n\n")
	for i := range n {
		fmt.Fprintf(&rows, "%d\n", i)
		fmt.Fprintf(&lines, "{\"n\":\"%d\"}\n", i)
		numbers = append(numbers, fmt.Sprintf(`{"n":"%d"}`, i))
		want = append(want, fmt.Sprintf(`{"n":"%d"}`, i))
	}
	b := &bucket{objects: map[string]string{
		"csv": rows.String(), "csv.gz": gzipped(rows.String()), "jsonl": lines.String(), "json": "[" + strings.Join(numbers, ", ") + "]",
	}}
	for _, cold := range []bool{false, true} {
		for key, kind := range map[string]string{"csv": "CSV", "csv.gz": "CSV", "jsonl": "JSONL", "json": "JSON"} {
			b.gets = 0
			spec := fmt.Sprintf(`{"Resource": "arn:aws:states:::s3:getObject", "InputType": %q, "Arguments": {"Bucket": "b", "Key": %q}}`, kind, key)
			got, _, failure := readAll(t, b, spec, cold)
			if failure != nil {
				t.Fatalf("%s: %+v", key, failure)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, cold %v:\n%s", key, cold, diff)
			}
			if wantGets := map[bool]int{false: 1, true: 4}[cold]; b.gets != wantGets {
				t.Errorf("%s, cold %v: %d requests, want %d", key, cold, b.gets, wantGets)
			}
		}
	}
}

// TestWriter writes the results of children, those that failed apart.
func TestWriter(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 14, 1, 59, 0, 0, time.UTC)
	child := func(id run.ID, status run.Status, output string) *store.Run {
		r := &store.Run{ID: id, Name: fmt.Sprint("c", id), Status: status, Started: at, Ended: at, Input: value.NewInt(int64(id)),
			Attributes: value.Of(map[string]any{asl.AttributeExecution: fmt.Sprintf("arn:aws:states:r:1:execution:m/L:c%d", id)})}
		if status == run.Succeeded {
			r.Output = value.MustParse(output)
		} else {
			r.Failure = &run.Failure{Error: "Bad", Cause: "luck"}
		}
		return r
	}
	children := []*store.Run{child(1, run.Succeeded, `[1]`), child(2, run.Failed, ""), child(3, run.Succeeded, `{"x":3}`)}
	deps := Deps{Runs: func(_ context.Context, f store.RunFilter) (page []*store.Run, _ error) {
		for _, c := range slices.Backward(children) {
			if f.Before == 0 || c.ID < f.Before {
				page = append(page, c)
			}
		}
		return page, nil
	}}
	const failed = `{"Cause":"luck","Error":"Bad","ExecutionArn":"arn:aws:states:r:1:execution:m/L:c2","Input":"2","InputDetails":{"Included":true},"Name":"c2","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":"2026-03-14T01:59:00.000Z","StateMachineArn":"arn:aws:states:r:1:stateMachine:m/L","Status":"FAILED","StopDate":"2026-03-14T01:59:00.000Z"}`
	const whole = `{"ExecutionArn":"arn:aws:states:r:1:execution:m/L:c1","Input":"1","InputDetails":{"Included":true},"Name":"c1","Output":"[1]","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":"2026-03-14T01:59:00.000Z","StateMachineArn":"arn:aws:states:r:1:stateMachine:m/L","Status":"SUCCEEDED","StopDate":"2026-03-14T01:59:00.000Z"}`
	for config, want := range map[string]map[string]string{
		`{"Transformation": "COMPACT"}`:                        {"SUCCEEDED_0.json": `[[1],{"x":3}]`, "FAILED_0.json": `[` + failed + `]`},
		`{"Transformation": "FLATTEN", "OutputType": "JSONL"}`: {"SUCCEEDED_0.jsonl": "1\n{\"x\":3}\n", "FAILED_0.jsonl": failed + "\n"},
		`{}`: {"SUCCEEDED_0.json": "[" + whole + "," + strings.NewReplacer("c1", "c3", `"1"`, `"3"`, `"[1]"`, `"{\"x\":3}"`).Replace(whole) + "]", "FAILED_0.json": `[` + failed + `]`},
	} {
		b := &bucket{objects: map[string]string{}}
		w := &writer{Deps{Runs: deps.Runs, S3: b.s3}}
		payload := value.NewObject(
			value.Member{Name: "writer", Value: value.MustParse(config).With("Arguments", value.MustParse(`{"Bucket": "b", "Prefix": "out"}`))},
			value.Member{Name: "mapRunArn", Value: value.NewString("arn")},
		)
		o := w.Do(t.Context(), kernel.Task{Run: &store.Run{ID: 9, Name: "u"}, Order: run.StartTask{Payload: payload}}, nil)
		if got := o.Output.JSON(); got != `{"MapRunArn":"arn","ResultWriterDetails":{"Bucket":"b","Key":"out/u/manifest.json"}}` {
			t.Errorf("%s: %s %+v", config, got, o.Failure)
		}
		manifest := map[string]any{"DestinationBucket": "b", "MapRunArn": "arn"}
		files := map[string]any{"PENDING": []any{}}
		for name, text := range want {
			if diff := cmp.Diff(text, b.objects["out/u/"+name]); diff != "" {
				t.Errorf("%s: %s:\n%s", config, name, diff)
			}
			kind, _, _ := strings.Cut(name, "_")
			files[kind] = []any{map[string]any{"Key": "out/u/" + name, "Size": len(text)}}
		}
		manifest["ResultFiles"] = files
		if got := value.MustParse(b.objects["out/u/manifest.json"]); !value.Equal(got, value.Of(manifest)) {
			t.Errorf("%s: manifest %s", config, got)
		}
	}
	c := &collector{deps}
	o := c.Do(t.Context(), kernel.Task{Run: &store.Run{ID: 9}, Order: run.StartTask{Payload: value.EmptyObject}}, nil)
	if got := o.Output.JSON(); got != `[[1],{"x":3}]` {
		t.Errorf("collected %s", got)
	}
}
