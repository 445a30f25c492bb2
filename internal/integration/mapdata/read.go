package mapdata

import (
	"context"
	"io"
	"net/url"
	"strings"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// A piece of items ends with whichever of these it reaches first.
const (
	pieceItems = 1000
	pieceBytes = 512 << 10
)

// maxItem is the length in bytes from which an item is refused: Step Functions' own bound.
const maxItem = 8 << 20

// maxItems is how many items are read where MaxItems does not say less: Step Functions' own bound.
const maxItems = 100_000_000

// reader reads the next items: asl.ResourceRead.
type reader struct {
	deps Deps
	open streams
}

// Class implements kernel.Integration: reading changes nothing.
func (*reader) Class() kernel.Class { return kernel.AtLeastOnce }

// Do implements kernel.Doer.
func (r *reader) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	s, err := newSpec(t.Order.Payload.At("reader"))
	if err != nil {
		return run.Fail(errReader, err.Error())
	}
	c := readCursor(t.Order.Payload.At("cursor"))
	p := &piece{left: s.max - c.read}
	if p.left <= 0 {
		return p.outcome(nil)
	}
	more := false
	if s.listing() {
		more, err = r.list(ctx, t, s, &c, p)
	} else {
		more, err = r.contents(ctx, t, s, &c, p)
	}
	if err != nil {
		return run.Fail(errReader, err.Error())
	}
	if c.read += int64(p.count()); !more || c.read >= s.max {
		return p.outcome(nil)
	}
	return p.outcome(&c)
}

// spec is an ItemReader, evaluated.
type spec struct {
	resource  string
	arguments value.Value
	format    format
	manifest  string // ManifestType
	flatten   bool   // LOAD_AND_FLATTEN
	max       int64
}

// format is how items are written in an object.
type format struct {
	kind      string // CSV, JSON or JSONL
	first     bool   // CSV: the first record is the header
	header    []string
	delimiter byte
	pointer   string // JSON: where the items are
}

var delimiters = map[string]byte{"": ',', "COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "SPACE": ' ', "TAB": '\t'}

func newSpec(v value.Value) (*spec, error) {
	s := &spec{
		resource:  v.At("Resource").Text(),
		arguments: v.At("Arguments"),
		manifest:  v.At("ManifestType").Text(),
		flatten:   v.At("Transformation").Text() == "LOAD_AND_FLATTEN",
		format: format{
			kind:      v.At("InputType").Text(),
			first:     v.At("CSVHeaderLocation").Text() != "GIVEN",
			delimiter: delimiters[v.At("CSVDelimiter").Text()],
			pointer:   v.At("ItemsPointer").Text(),
		},
	}
	for _, h := range v.At("CSVHeaders").Elements() {
		if h.Kind() != value.String {
			return nil, fault("CSVHeaders must be texts.")
		}
		s.format.header = append(s.format.header, h.Text())
	}
	if !s.format.first {
		if err := checkHeader(s.format.header); err != nil {
			return nil, err
		}
	}
	if s.format.kind == "MANIFEST" || s.manifest == "S3_INVENTORY" {
		s.format.kind, s.manifest = "CSV", "S3_INVENTORY"
	}
	if s.argument("Bucket") == "" {
		return nil, fault("The Bucket of the ItemReader is no text.")
	}
	var err error
	s.max, err = limit(v)
	return s, err
}

func (s *spec) argument(name string) string { return s.arguments.At(name).Text() }

// limit is how many items may be read.
func limit(v value.Value) (int64, error) {
	most := v.At("MaxItems")
	if most.IsAbsent() {
		return maxItems, nil
	}
	n, ok := most.Int64()
	switch {
	case !ok:
		text := most.JSON()
		if most.Kind() == value.String {
			text = most.Text()
		}
		return 0, faultf("The MaxItemsPath field refers to value %q which is not a valid integer: %s", text, v.At("MaxItemsPath").Text())
	case n < 0:
		return 0, fault("field MaxItems must be positive")
	case n == 0:
		return maxItems, nil
	}
	return min(n, maxItems), nil
}

// listing reports whether the items are the entries of a bucket's listing.
func (s *spec) listing() bool { return strings.HasSuffix(s.resource, ":listObjectsV2") && !s.flatten }

// query is what the arguments of listObjectsV2 narrow a listing down by.
func (s *spec) query() url.Values {
	q := url.Values{}
	for name, parameter := range map[string]string{"Prefix": "prefix", "Delimiter": "delimiter", "ExpectedBucketOwner": ""} {
		if v := s.argument(name); v != "" && parameter != "" {
			q.Set(parameter, v)
		}
	}
	return q
}

// cursor is where reading goes on.
type cursor struct {
	read   int64    // items so far
	after  string   // listings: the last key that is done
	file   int64    // manifests: the file that is being read
	offset int64    // bytes of the object, uncompressed, that are done; of CSV and JSONL
	skip   int64    // items of the object that are done; of JSON
	header []string // CSV: what the object's first record said
	tag    string   // of the object
}

func readCursor(v value.Value) cursor {
	whole := func(name string) int64 { n, _ := v.At(name).Int64(); return n }
	c := cursor{
		read: whole("read"), after: v.At("after").Text(), file: whole("file"),
		offset: whole("offset"), skip: whole("skip"), tag: v.At("tag").Text(),
	}
	for _, h := range v.At("header").Elements() {
		c.header = append(c.header, h.Text())
	}
	return c
}

func (c *cursor) value() value.Value {
	m := map[string]any{"read": c.read}
	for name, n := range map[string]int64{"file": c.file, "offset": c.offset, "skip": c.skip} {
		if n != 0 {
			m[name] = n
		}
	}
	for name, s := range map[string]string{"after": c.after, "tag": c.tag} {
		if s != "" {
			m[name] = s
		}
	}
	if len(c.header) > 0 {
		var list []any
		for _, h := range c.header {
			list = append(list, h)
		}
		m["header"] = list
	}
	return value.Of(m)
}

// next is the beginning of the object after this one.
func (c *cursor) next() { c.offset, c.skip, c.header, c.tag = 0, 0, nil, "" }

// piece is the items of one task.
type piece struct {
	left    int64 // that may still be read
	source  string
	items   []value.Value
	members []value.Member // where the items are the members of an object
	size    int
}

func (p *piece) count() int { return len(p.items) + len(p.members) }

func (p *piece) full() bool {
	return p.count() >= pieceItems || int64(p.count()) >= p.left || p.size >= pieceBytes
}

func (p *piece) add(i item) {
	p.size += i.value.Size()
	if i.member {
		p.members = append(p.members, value.Member{Name: i.name, Value: i.value})
		return
	}
	p.items = append(p.items, i.value)
}

// value is the items: an array, or an object where they are the members of one.
func (p *piece) value() value.Value {
	if p.members != nil {
		return value.NewObject(p.members...)
	}
	return value.NewArray(p.items...)
}

// outcome is the task's answer; without a cursor it is the last.
func (p *piece) outcome(c *cursor) run.Outcome {
	members := []value.Member{{Name: "items", Value: p.value()}, {Name: "source", Value: value.NewString(p.source)}}
	if c != nil {
		members = append(members, value.Member{Name: "cursor", Value: c.value()})
	}
	return run.Done(value.NewObject(members...))
}

// list reads entries of a listing.
func (r *reader) list(ctx context.Context, t kernel.Task, s *spec, c *cursor, p *piece) (more bool, err error) {
	bucket := s.argument("Bucket")
	p.source = "S3://" + bucket
	entries, more, err := r.deps.list(ctx, t, bucket, s.query(), c.after, int(min(p.left, pieceItems)))
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		p.add(item{value: e.value()})
		c.after = e.Key
	}
	return more && len(entries) > 0, nil
}

// value is the entry as Step Functions gives it to a child.
func (e *entry) value() value.Value {
	return value.NewObject(
		value.Member{Name: "Etag", Value: value.NewString(e.ETag)},
		value.Member{Name: "Key", Value: value.NewString(e.Key)},
		value.Member{Name: "LastModified", Value: value.NewInt(e.LastModified.Unix())},
		value.Member{Name: "Size", Value: value.NewInt(e.Size)},
		value.Member{Name: "StorageClass", Value: value.NewString(e.StorageClass)},
	)
}

// contents reads items out of objects, one object at most that has any.
func (r *reader) contents(ctx context.Context, t kernel.Task, s *spec, c *cursor, p *piece) (more bool, err error) {
	for p.count() == 0 {
		o, key, found, err := r.object(ctx, t, s, c)
		if err != nil || !found {
			return false, err
		}
		p.source = o.uri()
		if done, err := r.read(ctx, t, s, o, c, p); err != nil || !done {
			return !done, err
		}
		c.next()
		c.after, c.file = key, c.file+1
		if s.manifest == "" && !s.flatten {
			return false, nil // there is only that one
		}
	}
	return true, nil
}

// object is the object that a cursor is in; key is what the cursor remembers of it when it is done.
func (r *reader) object(ctx context.Context, t kernel.Task, s *spec, c *cursor) (o object, key string, found bool, err error) {
	bucket := s.argument("Bucket")
	switch {
	case s.manifest != "":
		o, found, err = r.fromManifest(ctx, t, s, c.file)
		return o, "", found, err
	case !s.flatten:
		return object{bucket, s.argument("Key"), s.argument("VersionId")}, "", true, nil
	}
	for after := c.after; ; {
		page, _, err := r.deps.list(ctx, t, bucket, s.query(), after, 1)
		if err != nil || len(page) == 0 {
			return o, "", false, err
		}
		if e := page[0]; !strings.HasSuffix(e.Key, "/") || e.Size > 0 { // that is a folder as the console makes them
			return object{bucket: bucket, key: e.Key}, e.Key, true, nil
		}
		after = page[0].Key
	}
}

// read takes items from an object until the piece is full or the object is done.
func (r *reader) read(ctx context.Context, t kernel.Task, s *spec, o object, c *cursor, p *piece) (done bool, err error) {
	st, err := r.stream(ctx, t, s, o, *c)
	if err != nil {
		return false, err
	}
	for !p.full() {
		i, err := st.items.next()
		if err == io.EOF {
			st.close()
			return true, nil
		}
		if err != nil {
			st.close()
			return false, err
		}
		p.add(i)
	}
	st.items.mark(c)
	c.tag = st.tag
	r.open.keep(streamKey(t, o, *c), st)
	return false, nil
}
