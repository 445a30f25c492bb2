package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/sharedtest"
	"github.com/tutti-ml/tutti/internal/value"
)

// article reads a file of the articles.
func article(t *testing.T, name string) []byte {
	t.Helper()
	return sharedtest.Read(t, "articles/"+name)
}

func readOne(t *testing.T, file []byte, o Options) Parsed {
	t.Helper()
	all, problems := Read(file, o)
	if Broken(problems) || len(all) != 1 {
		t.Fatalf("%d documents, problems:\n%v", len(all), problems)
	}
	return all[0]
}

func wantJSON(t *testing.T, got any, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(indent(t, []byte(want)), indent(t, text)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func indent(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, _ := json.MarshalIndent(v, "", " ")
	return string(out)
}

func TestArticle000Template(t *testing.T) {
	t.Parallel()
	cm := readOne(t, article(t, "000-pytorchjob/pytorch-job-template-configmap.yaml"), Options{})
	if cm.Kind != KindConfigMap || cm.Space != "ml-training-pipeline" || cm.Name != "pytorch-job-template-configmap" {
		t.Fatalf("%+v", cm)
	}
	files, err := ConfigMapFiles(cm.Data)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"PYTORCH_JOB_NAME": "train-1", "NUM_EPOCHS": "10", "BATCH_SIZE": "32", "EXPERIMENT_NAME": "exp: \"1\" #\n"}
	rendered, problems := Render(files["pytorchjob.yaml"], vars, []string{"PYTORCH_JOB_NAME", "NUM_EPOCHS", "BATCH_SIZE", "EXPERIMENT_NAME"})
	if problems != nil {
		t.Fatal(problems)
	}
	p := readOne(t, rendered, Options{})
	wantJSON(t, p.Spec, `{
	 "name": "train-1", "origin": "kubeflow.org/v1 PyTorchJob", "namespace": "ml-training-pipeline", "retry": {"attempts": 1},
	 "groups": [{"name": "worker", "replicas": 1, "decides": true, "process": {
	   "image": "123456789012.dkr.ecr.us-west-2.amazonaws.com/ml-training:v1.0-release",
	   "command": ["/bin/bash", "-c", "echo \"=== ML Training Pipeline Start ===\"\npython train.py --epochs 10 --batch-size 32\n"],
	   "resources": {"gpus": 8},
	   "env": [
	    {"name": "PYTHONUNBUFFERED", "value": "1"},
	    {"name": "MASTER_ADDR", "value": "${tutti:master.addr}"}, {"name": "MASTER_PORT", "value": "${tutti:master.port}"},
	    {"name": "WORLD_SIZE", "value": "${tutti:world}"}, {"name": "RANK", "value": "${tutti:rank}"},
	    {"name": "PET_MASTER_ADDR", "value": "${tutti:master.addr}"}, {"name": "PET_MASTER_PORT", "value": "${tutti:master.port}"},
	    {"name": "PET_NODE_RANK", "value": "${tutti:rank}"}, {"name": "PET_NPROC_PER_NODE", "value": "auto"}, {"name": "PET_NNODES", "value": "${tutti:world}"},
	    {"name": "NUM_EPOCHS", "value": "10"}, {"name": "BATCH_SIZE", "value": "32"}, {"name": "EXPERIMENT_NAME", "value": "exp: \"1\" #\n"}]}}]}`)
}

func TestArticle000NameThatNoShellExpands(t *testing.T) {
	t.Parallel()
	cm := readOne(t, article(t, "000-pytorchjob/pytorch-job-template-configmap.yaml"), Options{})
	files, _ := ConfigMapFiles(cm.Data)
	rendered, problems := Render(files["pytorchjob.yaml"], map[string]string{"PYTORCH_JOB_NAME": "training-job-$(date +%s)"}, []string{"PYTORCH_JOB_NAME"})
	if problems != nil {
		t.Fatal(problems)
	}
	_, problems = Read(rendered, Options{})
	if got := problems.Error(); !strings.Contains(got, `/metadata/name: the name "training-job-$(date +%s)" is invalid: no shell runs commands in a name`) {
		t.Error(got)
	}
}

func TestArticle000Job(t *testing.T) {
	t.Parallel()
	machine, err := value.Parse(article(t, "000-pytorchjob/step-functions-pytorch-pipeline.json"))
	if err != nil {
		t.Fatal(err)
	}
	manifest := machine.At("States", "Create PyTorchJob", "Parameters", "Job")
	maps := func(space, name string) (Files, bool) {
		return Files{"pytorchjob.yaml": "kind: PyTorchJob\n"}, space == "ml-training-pipeline" && name == "pytorch-job-template-configmap"
	}
	p, problems := ReadValue(manifest, Options{ConfigMap: maps})
	if Broken(problems) {
		t.Fatal(problems)
	}
	if !strings.Contains(problems.Error(), "$(date +%s) stays as it is: no shell runs it here") {
		t.Errorf("no warning of the value that nothing expands: %v", problems)
	}
	if !p.Generate || p.Name != "pytorch-job-creator-" || p.Space != "ml-training-pipeline" {
		t.Errorf("%+v", p)
	}
	six := int32(6)
	want := job.Retry{Attempts: 7, Budget: &six, Delay: retryDelay, MaxDelay: retryMaxDelay}
	if d := cmp.Diff(want, p.Spec.Retry); d != "" {
		t.Error(d)
	}
	mount := job.Mount{Path: "/app", ReadOnly: true, ConfigMap: "pytorch-job-template-configmap", Files: Files{"pytorchjob.yaml": "kind: PyTorchJob\n"}}
	if d := cmp.Diff([]job.Mount{mount}, p.Spec.Groups[0].Process.Mounts); d != "" {
		t.Error(d)
	}
	if got := p.Spec.Groups[0].Process.Env[0]; got.Value != "training-job-$(date +%s)" {
		t.Errorf("the value was changed: %q", got.Value)
	}

	_, problems = ReadValue(manifest, Options{})
	if got := problems.Error(); !strings.Contains(got, `/spec/template/spec/volumes/0/configMap: there is no config map "pytorch-job-template-configmap" in namespace "ml-training-pipeline"; make it with: tutti apply -f FILE`) {
		t.Error(got)
	}
}

func TestArticle001(t *testing.T) {
	t.Parallel()
	definition := readOne(t, article(t, "001-batch-array/job-definition-array.json"), Options{})
	if definition.Kind != KindJobDefinition || definition.Name != "nayuts-sample-fargate-job" {
		t.Fatalf("%+v", definition)
	}
	if q := readOne(t, article(t, "001-batch-array/job-queue.json"), Options{}); q.Kind != KindJobQueue || q.Name != "nayuts-sample-job-queue" {
		t.Fatalf("%+v", q)
	} else if d := cmp.Diff(QueueSettings{Enabled: true, Priority: 1, Environments: []string{"local"}}, ReadQueue(q.Data)); d != "" {
		t.Error(d)
	}
	if e := readOne(t, article(t, "001-batch-array/compute-environment.json"), Options{}); e.Kind != KindComputeEnvironment || e.Name != "local" {
		t.Fatalf("%+v", e)
	} else if d := cmp.Diff(EnvironmentSettings{Enabled: true, VCPUs: 4}, ReadEnvironment(e.Data)); d != "" {
		t.Error(d)
	}
	s, problems := ReadSubmission(value.MustParse(`{"JobName":"testjob",
		"JobDefinition":"arn:aws:batch:ap-northeast-1:123456789012:job-definition/nayuts-sample-fargate-job",
		"JobQueue":"arn:aws:batch:ap-northeast-1:123456789012:job-queue/nayuts-sample-job-queue",
		"ArrayProperties":{"Size":3},"ContainerOverrides":{"Environment":[{"Name":"ITEMS","Value":"[\"a\",\"b\",\"c\"]"}]}}`), true)
	if problems != nil {
		t.Fatal(problems)
	}
	spec, problems := s.Spec(definition.Data, Place{Queue: "nayuts-sample-job-queue", Environment: "local"})
	if problems != nil {
		t.Fatal(problems)
	}
	command := spec.Groups[0].Process.Command
	if len(command) != 3 || !strings.HasPrefix(command[2], "import os\nprint('index:'") {
		t.Errorf("%q", command)
	}
	spec.Groups[0].Process.Command = nil
	wantJSON(t, spec, `{
	 "name": "testjob", "origin": "batch SubmitJob", "queue": "nayuts-sample-job-queue", "array": {"size": 3},
	 "retry": {"attempts": 1}, "indexed": "AWS_BATCH_JOB_ARRAY_INDEX",
	 "groups": [{"name": "main", "replicas": 1, "process": {
	   "image": "public.ecr.aws/docker/library/python:3", "command": null, "resources": {"milliCPU": 1000, "memory": 536870912},
	   "env": [{"name": "ITEMS", "value": "[\"a\",\"b\",\"c\"]"},
	     {"name": "AWS_BATCH_JOB_ARRAY_SIZE", "value": "3"}, {"name": "AWS_BATCH_JOB_ID", "value": "${tutti:job.id}:${tutti:index}"},
	     {"name": "AWS_BATCH_JOB_ATTEMPT", "value": "${tutti:attempt}"}, {"name": "AWS_BATCH_JQ_NAME", "value": "nayuts-sample-job-queue"},
	     {"name": "AWS_BATCH_CE_NAME", "value": "local"}]}}]}`)
}

func TestArticlesMachines(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"000-pytorchjob/step-functions-pytorch-pipeline.json", "001-batch-array/map.json"} {
		text := article(t, name)
		p := readOne(t, text, Options{Name: "pipeline"})
		if p.Kind != KindStateMachine || p.Name != "pipeline" || p.Data.At("definition").Text() != string(text) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
