// Command awsmodel writes the models of AWS services that internal/awsmodel embeds. It takes them from the API models
// that the module github.com/aws/aws-sdk-go ships (the version is this module's), drops what no caller needs, and packs
// them into one zip archive: an entry for each service, named by its service id.
//
//	go run . -o ../../internal/awsmodel/models.zip
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go/aws/endpoints"
)

const sdk = "github.com/aws/aws-sdk-go"

func main() {
	out := flag.String("o", "models.zip", "the archive to write")
	flag.Parse()
	if err := generate(*out); err != nil {
		fmt.Fprintln(os.Stderr, "awsmodel:", err)
		os.Exit(1)
	}
}

func generate(out string) error {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", sdk).Output()
	if err != nil {
		return fmt.Errorf("finding %s: %w", sdk, err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "models", "apis", "*", "*", "api-2.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("the module has no models: models/apis/SERVICE/VERSION/api-2.json")
	}
	models := map[string]object{}
	for _, f := range files {
		m, err := read(f)
		if err != nil {
			return fmt.Errorf("reading %s: %w", f, err)
		}
		if len(m["operations"].(map[string]object)) == 0 {
			continue // what it does takes types that this SDK does not have
		}
		id, _ := m["metadata"].(object)["serviceId"].(string)
		if models[id] != nil || id == "" {
			return fmt.Errorf("reading %s: the service id %q is empty or taken", f, id)
		}
		models[id] = m
	}
	return write(out, models)
}

// write packs the models: nothing in the archive depends on when or where it was made.
func write(out string, models map[string]object) error {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, id := range slices.Sorted(maps.Keys(models)) {
		text, err := json.Marshal(models[id])
		if err != nil {
			return err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: id, Method: zip.Deflate})
		if err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(out, archive.Bytes(), 0o644)
}

// object is a JSON object.
type object = map[string]any

// What is kept of each part of a model.
var (
	metadataKeys = []string{
		"apiVersion", "awsQueryCompatible", "endpointPrefix", "jsonVersion", "protocol", "serviceFullName", "serviceId",
		"signingName", "targetPrefix", "xmlNamespace",
	}
	operationKeys = []string{"http", "input", "output", "errors", "authtype", "endpoint", "httpChecksumRequired", "unsignedPayload"}
	shapeKeys     = []string{
		"type", "members", "required", "member", "key", "value", "enum", "min", "max", "pattern", "payload", "streaming",
		"flattened", "exception", "error", "timestampFormat", "eventstream", "union", "sensitive", "locationName",
		"xmlNamespace",
	}
	memberKeys = []string{
		"shape", "location", "locationName", "flattened", "idempotencyToken", "jsonvalue", "streaming", "xmlAttribute",
		"xmlNamespace", "queryName", "hostLabel",
	}
)

// read gives what is kept of one model.
func read(file string) (object, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var m struct {
		Metadata   object
		Operations map[string]object
		Shapes     map[string]object
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, err
	}
	metadata := only(m.Metadata, metadataKeys)
	namespace(metadata)
	if _, ok := metadata["awsQueryCompatible"]; ok {
		metadata["awsQueryCompatible"] = true
	}
	maps.Copy(metadata, endpoint(m.Metadata["endpointPrefix"].(string)))
	for name, op := range m.Operations {
		m.Operations[name] = operation(op)
	}
	for name, s := range m.Shapes {
		m.Shapes[name] = shape(s)
	}
	return object{"metadata": metadata, "operations": m.Operations, "shapes": m.Shapes}, nil
}

func operation(op object) object {
	kept := only(op, operationKeys)
	if checks, ok := op["httpChecksum"].(object); ok && checks["requestChecksumRequired"] == true {
		kept["httpChecksumRequired"] = true
	}
	if in, ok := kept["input"].(object); ok {
		kept["input"] = only(in, memberKeys)
		namespace(kept["input"].(object))
	}
	if out, ok := kept["output"].(object); ok {
		kept["output"] = only(out, append(slices.Clone(memberKeys), "resultWrapper"))
	}
	if list, ok := kept["errors"].([]any); ok {
		var names []string
		for _, e := range list {
			names = append(names, e.(object)["shape"].(string))
		}
		kept["errors"] = names
	}
	return kept
}

func shape(s object) object {
	kept := only(s, shapeKeys)
	namespace(kept)
	if fault, ok := kept["error"].(object); ok {
		kept["error"] = only(fault, []string{"code", "httpStatusCode"})
	}
	if members, ok := kept["members"].(object); ok {
		for name, m := range members {
			members[name] = member(m)
		}
	}
	for _, part := range []string{"member", "key", "value"} {
		if m, ok := kept[part]; ok {
			kept[part] = member(m)
		}
	}
	return kept
}

func member(m any) object {
	kept := only(m.(object), memberKeys)
	namespace(kept)
	return kept
}

// namespace writes an XML namespace, a URI or an object with one, as an object.
func namespace(m object) {
	if uri, ok := m["xmlNamespace"].(string); ok {
		m["xmlNamespace"] = object{"uri": uri}
	}
}

// endpoint says where a service is, if it is not at PREFIX.REGION.amazonaws.com: its host, in which {region} stands for
// the region, and the region that signatures name where that is always the same.
func endpoint(prefix string) object {
	const region = "us-west-2"
	found, err := endpoints.AwsPartition().EndpointFor(prefix, region, endpoints.ResolveUnknownServiceOption, endpoints.STSRegionalEndpointOption)
	if err != nil {
		return nil
	}
	host := strings.TrimPrefix(found.URL, "https://")
	if host == prefix+"."+region+".amazonaws.com" {
		return nil
	}
	kept := object{"host": strings.ReplaceAll(host, region, "{region}")}
	if found.SigningRegion != region {
		kept["signingRegion"] = found.SigningRegion
	}
	return kept
}

// only keeps those members of an object that say something.
func only(m object, keys []string) object {
	kept := object{}
	for _, k := range keys {
		if v, ok := m[k]; ok && v != false {
			kept[k] = v
		}
	}
	return kept
}
