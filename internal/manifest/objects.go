package manifest

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/tutti-ml/tutti/internal/value"
)

// maxConfigMap is Kubernetes' bound for the contents of a config map.
const maxConfigMap = 1 << 20

// readConfigMap keeps data and binaryData; see ConfigMapFiles.
func readConfigMap(r *reader, f *fields) Parsed {
	m := r.metadata(f, 253, true)
	f.dict("data")
	f.dict("binaryData")
	f.ignore("immutable")
	out := m.parsed(KindConfigMap)
	out.Data = value.EmptyObject
	for _, name := range []string{"data", "binaryData"} {
		n := f.get(name)
		if n == nil {
			continue
		}
		contents := make([]value.Member, len(n.names))
		for i, key := range n.names {
			if !configKey(key) {
				r.fault(n.list[i], codeInvalid, "the key %q is invalid: use letters, digits, -, _ and .", key)
			}
			contents[i] = value.Member{Name: key, Value: value.NewString(n.list[i].text)}
		}
		out.Data = out.Data.With(name, value.NewObject(contents...))
	}
	if _, err := ConfigMapFiles(out.Data); err != nil {
		r.fault(f.n, codeInvalid, "%v", err)
	}
	if out.Data.Size() > maxConfigMap {
		r.fault(f.n, codeInvalid, "the contents take %d bytes; %d are the most; put large files on a path of the host", out.Data.Size(), maxConfigMap)
	}
	return out
}

func configKey(key string) bool {
	return key != "" && key != "." && key != ".." && len(key) <= 253 &&
		strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// ConfigMapFiles are the files that a config map's Data holds.
func ConfigMapFiles(data value.Value) (Files, error) {
	files := Files{}
	for key, text := range data.At("data").Members() {
		files[key] = text.Text()
	}
	for key, text := range data.At("binaryData").Members() {
		bytes, err := base64.StdEncoding.DecodeString(text.Text())
		if err != nil {
			return nil, fmt.Errorf("binaryData %q is not base64", key)
		}
		if !utf8.Valid(bytes) {
			return nil, fmt.Errorf("binaryData %q is not text; put such files on a path of the host", key)
		}
		files[key] = string(bytes)
	}
	return files, nil
}

func readNamespace(r *reader, f *fields) Parsed {
	out := r.metadata(f, maxName, false).parsed(KindNamespace)
	f.ignore("spec")
	out.Data = value.EmptyObject
	return out
}

func readServiceAccount(r *reader, f *fields) Parsed {
	out := r.metadata(f, 253, true).parsed(KindServiceAccount)
	f.notice("no token is given out", "secrets", "imagePullSecrets", "automountServiceAccountToken")
	out.Data = value.EmptyObject
	return out
}

// refuseSecret refuses: what the catalogue holds is shown, versioned and backed up.
func refuseSecret(r *reader, f *fields) Parsed {
	f.ignore(f.n.names...)
	r.fault(f.n, codeUnsupported, "a Secret is not kept here, where its text would be shown and backed up; "+
		"name the file that holds it in the server's configuration (secrets: {\"NAME/KEY\": {file: PATH, users: [USER]}}), and refer to it with valueFrom.secretKeyRef")
	return Parsed{}
}

// readStateMachine keeps the text for the language to read. Its problems are the language's to find.
func readStateMachine(r *reader, f *fields) Parsed {
	f.ignore(f.n.names...)
	if r.Name == "" {
		r.fault(f.n, codeMissing, "a state machine has no name in its file; give one")
	} else if !machineName(r.Name) {
		r.fault(nil, codeInvalid, `the name %q is invalid: use 1 to 80 characters, no spaces and none of <>{}[]?*"#%%\^|~$&,;:/`, r.Name)
	}
	return Parsed{Kind: KindStateMachine, Name: r.Name, Data: machineData("", f.n)}
}

// machineName reports whether AWS allows the name.
func machineName(name string) bool {
	return utf8.RuneCountInString(name) <= 80 && !strings.ContainsAny(name, " <>{}[]?*\"#%\\^|~`$&,;:/\t\n\r")
}

// machineData is a state machine as the catalogue keeps it: its source, as it was written where that is JSON, for its
// lines are what errors name.
func machineData(source string, n *node) value.Value {
	if !jsonForm.MatchString(source) {
		source = n.value().JSON()
	}
	return value.NewObject(
		value.Member{Name: "language", Value: value.NewString("asl")},
		value.Member{Name: "definition", Value: value.NewString(source)},
	)
}

// StateMachineSource is the text of a state machine, from its Data.
func StateMachineSource(data value.Value) string { return data.At("definition").Text() }

// readCluster reads what eks:describeCluster answers for a name.
func readCluster(r *reader, f *fields) Parsed {
	out := r.metadata(f, 100, false).parsed(KindCluster)
	s := f.sub("spec")
	endpoint := s.need("endpoint", "give the address of the cluster's API server")
	ca := s.sub("certificateAuthority")
	data := ca.text("data")
	ca.end()
	version := s.text("version")
	s.end()
	out.Data = value.NewObject(
		value.Member{Name: "endpoint", Value: value.NewString(endpoint)},
		value.Member{Name: "certificateAuthority", Value: value.NewObject(value.Member{Name: "data", Value: value.NewString(data)})},
		value.Member{Name: "version", Value: value.NewString(version)},
	)
	return out
}

// functionLimit is AWS Lambda's, in seconds.
const functionLimit = 15 * 60

// readFunction reads a function for lambda:invoke: a program of the server's machine that reads the payload from its
// standard input and writes the result to its output, or an address that takes the payload by POST.
func readFunction(r *reader, f *fields) Parsed {
	m := f.sub("metadata")
	out := Parsed{Kind: KindFunction, Name: m.need("name", "name the function"), Labels: m.dict("labels")}
	m.end()
	f.ignore("apiVersion", "kind")
	if out.Name != "" && !functionName(out.Name) {
		r.fault(m.get("name"), codeInvalid, "the name %q is invalid: use letters, digits, - and _, 64 at the most", out.Name)
	}
	s := f.sub("spec")
	s.texts("command")
	s.dict("env")
	s.text("url")
	s.text("dir")
	s.number("timeout", 1, math.MaxInt32, functionLimit)
	if s.has("command") == s.has("url") {
		r.fault(f.n, codeInvalid, "spec must hold either command, the program and its arguments, or url, an address that takes the payload by POST")
	}
	if u := s.text("url"); u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
		r.fault(s.get("url"), codeInvalid, "must begin with http:// or https://, is %q", u)
	}
	s.end()
	out.Data = value.EmptyObject
	if s.n != nil {
		out.Data = s.n.value()
	}
	return out
}

func functionName(name string) bool { return len(name) <= 64 && batchName.MatchString(name) }
