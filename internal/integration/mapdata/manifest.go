package mapdata

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/value"
)

// maxManifest is the length of the longest manifest that is read, in bytes.
const maxManifest = 64 << 20

// fromManifest is the nth object that a manifest names, from 0.
func (r *reader) fromManifest(ctx context.Context, t kernel.Task, s *spec, n int64) (o object, found bool, err error) {
	at := object{s.argument("Bucket"), s.argument("Key"), s.argument("VersionId")}
	body, _, err := r.deps.get(ctx, t, at, 0, "")
	if err != nil {
		return o, false, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxManifest+1))
	if err != nil {
		return o, false, err
	}
	if len(text) > maxManifest {
		return o, false, faultf("The manifest %s is too long.", at.uri())
	}
	if s.manifest == "ATHENA_DATA" {
		return fromLocations(text, n)
	}
	return s.fromInventory(text, n)
}

// fromLocations reads the manifest of an Athena UNLOAD: a line for each object, s3://BUCKET/KEY.
func fromLocations(text []byte, n int64) (o object, found bool, err error) {
	for line := range bytes.Lines(text) {
		place := strings.Trim(string(bytes.TrimSpace(line)), `"`)
		if place == "" {
			continue
		}
		if n--; n >= 0 {
			continue
		}
		rest, ok := strings.CutPrefix(place, "s3://")
		bucket, key, _ := strings.Cut(rest, "/")
		if !ok || key == "" {
			return o, false, faultf("The manifest names %q, which is no s3://BUCKET/KEY.", place)
		}
		return object{bucket: bucket, key: key}, true, nil
	}
	return o, false, nil
}

// fromInventory reads the manifest of an S3 inventory. The files that it names have no header: the manifest has it.
func (s *spec) fromInventory(text []byte, n int64) (o object, found bool, err error) {
	m, err := value.Parse(text)
	if err != nil {
		return o, false, faultf("The manifest is no JSON: %v", err)
	}
	if f := m.At("fileFormat").Text(); f != "CSV" {
		return o, false, faultf("The inventory is in the format %q, and only CSV is supported.", f)
	}
	files := m.At("files")
	if files.Kind() != value.Array {
		return o, false, fault("The manifest names no files.")
	}
	if n >= int64(files.Len()) {
		return o, false, nil
	}
	bucket := m.At("destinationBucket").Text()
	bucket = bucket[strings.LastIndex(bucket, ":")+1:]
	if s.format.header == nil {
		for _, h := range strings.Split(m.At("fileSchema").Text(), ",") {
			s.format.header = append(s.format.header, strings.TrimSpace(h))
		}
	}
	s.format.first = false
	return object{bucket: bucket, key: files.Index(int(n)).At("key").Text()}, true, nil
}
