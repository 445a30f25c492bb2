// Package manifest reads files that are not workflows: jobs of other systems (Kubernetes Jobs, PyTorchJobs, AWS Batch
// definitions), which become a job.Spec, and what such jobs need (config maps, queues, functions), which becomes an
// object of the catalogue. One file for each kind.
//
// It is pure: it opens no file, reads no clock, and looks config maps up only through the function it is given. It
// submits nothing and stores nothing. Whatever it refuses, it says where, why and what to write instead.
package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// Kind says what a document is. All but KindJob are kinds of objects in the catalogue.
type Kind string

// The kinds.
const (
	KindJob                Kind = "job"
	KindConfigMap          Kind = "configmap"
	KindNamespace          Kind = "namespace"
	KindServiceAccount     Kind = "serviceaccount"
	KindStateMachine       Kind = "statemachine"
	KindJobDefinition      Kind = "jobdefinition"
	KindJobQueue           Kind = "jobqueue"
	KindComputeEnvironment Kind = "computeenvironment"
	KindCluster            Kind = "cluster"
	KindFunction           Kind = "function"
)

// DefaultSpace is the namespace of what names none.
const DefaultSpace = "default"

// MaxBytes bounds a file.
const MaxBytes = 8 << 20

// Files are the contents of a config map by file name.
type Files map[string]string

// Options is what a reader knows besides the file.
type Options struct {
	// Name is given to what has no name in the file: a state machine. Usually the file's name without its ending.
	Name string
	// Space is the namespace of documents that name none; empty: DefaultSpace.
	Space string
	// ConfigMap looks a config map up. Those in the file itself come first.
	ConfigMap func(space, name string) (Files, bool)
}

// Parsed is one document of a file.
type Parsed struct {
	Kind  Kind
	Space string // namespace; empty for kinds that have none
	Name  string
	// Generate says that Name is a prefix, ending in "-", to which whoever submits adds what makes it unique.
	Generate bool
	Labels   map[string]string
	Spec     *job.Spec   // of a job
	Data     value.Value // of an object of the catalogue
	Line     int         // where the document begins; 0 if not known
}

// Read reads all documents of a file: YAML or JSON, several of them separated by ---, or a List. Problems that are not
// warnings make the documents they belong to useless; those are left out.
func Read(file []byte, o Options) ([]Parsed, run.Problems) {
	if len(file) > MaxBytes {
		return nil, run.Problems{{Code: codeInvalid, Text: fmt.Sprintf("the file has %d bytes; %d are the most", len(file), MaxBytes)}}
	}
	docs, problems := parse(file)
	if problems != nil {
		return nil, problems
	}
	docs = flatten(docs)
	if len(docs) == 0 {
		return nil, run.Problems{{Code: codeInvalid, Text: "the file holds no document"}}
	}
	o = withOwnConfigMaps(docs, o)
	var all []Parsed
	for _, n := range docs {
		p, found := readNode(n, o)
		if !Broken(found) {
			if p.Kind == KindStateMachine && len(docs) == 1 {
				p.Data = machineData(string(file), n)
			}
			all = append(all, p)
		}
		problems = append(problems, found...)
	}
	return all, problems
}

// ReadValue reads one document that is at hand as a value, such as the payload of a task.
func ReadValue(v value.Value, o Options) (Parsed, run.Problems) { return readNode(fromValue(v, ""), o) }

// Broken reports whether problems hold more than warnings.
func Broken(problems run.Problems) bool {
	return slices.ContainsFunc(problems, func(p run.Problem) bool { return !p.Warning })
}

// form is one shape of document.
type form struct {
	// name is what people call it, such as "batch/v1 Job".
	name string
	// fits tells whether a document has this shape.
	fits func(*node) bool
	read func(*reader, *fields) Parsed
}

// forms are all shapes, in the order in which they are tried.
func forms() []form {
	return []form{
		{"batch/v1 Job", isKind("batch/v1", "Job"), readBatchJob},
		{"kubeflow.org/v1 PyTorchJob", isKind("kubeflow.org/v1", "PyTorchJob"), readPyTorchJob},
		{"v1 ConfigMap", isKind("v1", "ConfigMap"), readConfigMap},
		{"v1 Namespace", isKind("v1", "Namespace"), readNamespace},
		{"v1 ServiceAccount", isKind("v1", "ServiceAccount"), readServiceAccount},
		{"v1 Secret", isKind("v1", "Secret"), refuseSecret},
		{"tutti.dev/v1 Cluster", isKind("tutti.dev/v1", "Cluster"), readCluster},
		{"tutti.dev/v1 Function", isKind("tutti.dev/v1", "Function"), readFunction},
		{"a state machine (StartAt, States)", hasFields("StartAt", "States"), readStateMachine},
		{"a Batch job definition (jobDefinitionName)", hasFields("jobDefinitionName"), readJobDefinition},
		{"a Batch job queue (jobQueueName)", hasFields("jobQueueName"), readJobQueue},
		{"a Batch compute environment (computeEnvironmentName)", hasFields("computeEnvironmentName"), readComputeEnvironment},
	}
}

// Known names the shapes that Read takes.
func Known() []string {
	var names []string
	for _, f := range forms() {
		names = append(names, f.name)
	}
	return names
}

func isKind(apiVersion, kind string) func(*node) bool {
	return func(n *node) bool {
		return n.member("apiVersion").string() == apiVersion && n.member("kind").string() == kind
	}
}

func hasFields(names ...string) func(*node) bool {
	return func(n *node) bool {
		for _, name := range names {
			if n.member(name) == nil {
				return false
			}
		}
		return true
	}
}

func readNode(n *node, o Options) (Parsed, run.Problems) {
	if o.Space == "" {
		o.Space = DefaultSpace
	}
	r := &reader{Options: o}
	if n.kind != value.Object {
		r.fault(n, codeInvalid, "a document is an object, this is a %s; known are: %s", n.kind, strings.Join(Known(), ", "))
		return Parsed{}, r.problems
	}
	for _, f := range forms() {
		if f.fits(n) {
			fs := r.fields(n)
			p := f.read(r, fs)
			p.Line = n.line
			fs.end()
			return p, r.problems
		}
	}
	what := "this document"
	if kind := n.member("kind").string(); kind != "" {
		what = strings.TrimSpace(n.member("apiVersion").string() + " " + kind)
	}
	r.fault(n, codeUnknown, "%s is of no kind that is known; known are: %s", what, strings.Join(Known(), ", "))
	return Parsed{}, r.problems
}

// flatten replaces each v1 List by its items.
func flatten(docs []*node) []*node {
	var flat []*node
	for _, n := range docs {
		items := n.member("items")
		if isKind("v1", "List")(n) && items != nil {
			flat = append(flat, items.list...)
		} else {
			flat = append(flat, n)
		}
	}
	return flat
}

// withOwnConfigMaps makes the config maps of the file known to its jobs.
func withOwnConfigMaps(docs []*node, o Options) Options {
	own := map[[2]string]Files{}
	for _, n := range docs {
		if !isKind("v1", "ConfigMap")(n) {
			continue
		}
		if p, problems := readNode(n, o); !Broken(problems) {
			if files, err := ConfigMapFiles(p.Data); err == nil {
				own[[2]string{p.Space, p.Name}] = files
			}
		}
	}
	outside := o.ConfigMap
	o.ConfigMap = func(space, name string) (Files, bool) {
		if files, ok := own[[2]string{space, name}]; ok {
			return files, true
		}
		if outside == nil {
			return nil, false
		}
		return outside(space, name)
	}
	return o
}
