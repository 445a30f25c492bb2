package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/value"
)

// batchJob is a Job with fields of its spec and of its container.
func batchJob(spec, container string) string {
	return `{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {` + spec + `template: {spec: {restartPolicy: Never, containers: [{name: c, image: i` + container + `}]}}}}`
}

func TestBatchJobSpecs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, spec, container, want string }{
		{"plain", "", ", command: [a, b], args: [c]", `{"name":"j","origin":"batch/v1 Job","namespace":"default",
			"groups":[{"name":"main","replicas":1,"process":{"image":"i","command":["a","b","c"],"resources":{}}}],
			"retry":{"attempts":7,"budget":6,"delay":10000000000,"maxDelay":360000000000}}`},
		{"indexed", "completions: 4, parallelism: 2, completionMode: Indexed, backoffLimit: 0, ", `, command: ["$(JOB_COMPLETION_INDEX)"]`, `{"name":"j","origin":"batch/v1 Job","namespace":"default",
			"groups":[{"name":"main","replicas":1,"process":{"image":"i","command":["${tutti:index}"],"env":[{"name":"JOB_COMPLETION_INDEX","value":"${tutti:index}"}],"resources":{}}}],
			"array":{"size":4,"maxRunning":2},"indexed":"JOB_COMPLETION_INDEX",
			"retry":{"attempts":1,"budget":0,"delay":10000000000,"maxDelay":360000000000}}`},
		{"many", "completions: 3, backoffLimitPerIndex: 1, activeDeadlineSeconds: 60, ttlSecondsAfterFinished: 0, suspend: true, ", `, command: [a]`, `{"name":"j","origin":"batch/v1 Job","namespace":"default",
			"groups":[{"name":"main","replicas":1,"process":{"image":"i","command":["a"],"resources":{}}}],
			"array":{"size":3,"maxRunning":1},"deadline":60000000000,"keepFor":1000000000,"suspend":true,
			"retry":{"attempts":2,"delay":10000000000,"maxDelay":360000000000}}`},
		{"failure policy", "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [42]}}, {action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}, ", `, command: [a]`,
			`{"name":"j","origin":"batch/v1 Job","namespace":"default",
			"groups":[{"name":"main","replicas":1,"process":{"image":"i","command":["a"],"resources":{}}}],
			"retry":{"attempts":7,"budget":6,"delay":10000000000,"maxDelay":360000000000,"when":[{"exitCode":"42","exit":true}]}}`},
		{"resources", "", `, command: [a], resources: {requests: {cpu: 250m, memory: 1Gi}, limits: {cpu: 2, memory: 2Gi, nvidia.com/gpu: "1"}}`, `{"name":"j","origin":"batch/v1 Job","namespace":"default",
			"groups":[{"name":"main","replicas":1,"process":{"image":"i","command":["a"],"resources":{"milliCPU":250,"maxMilliCPU":2000,"memory":2147483648,"gpus":1}}}],
			"retry":{"attempts":7,"budget":6,"delay":10000000000,"maxDelay":360000000000}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantJSON(t, readOne(t, []byte(batchJob(c.spec, c.container)), Options{}).Spec, c.want)
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	maps := func(space, name string) (Files, bool) {
		return Files{"lr": "0.1", "not a name": "x", "Z": "z"}, space == "ml" && name == "settings"
	}
	p := readOne(t, []byte(`
apiVersion: batch/v1
kind: Job
metadata: {name: j, namespace: ml}
spec:
  template:
    metadata: {labels: {team: vision}, annotations: {note: hi}}
    spec:
      restartPolicy: OnFailure
      serviceAccountName: robot
      containers:
      - name: c
        image: i
        command: [sh, -c, "$(A) $$(A) $A $(NONE) $(B) $("]
        resources: {limits: {cpu: 1500m, memory: 1Gi}}
        envFrom: [{configMapRef: {name: settings}, prefix: S_}]
        env:
        - {name: A, value: one}
        - {name: B, value: "$(A)/$(C)/$(S_lr)"}
        - {name: C, value: later}
        - {name: N, value: 010}
        - {name: LR, valueFrom: {configMapKeyRef: {name: settings, key: lr}}}
        - {name: GONE, valueFrom: {configMapKeyRef: {name: settings, key: no, optional: true}}}
        - {name: KEY, valueFrom: {secretKeyRef: {name: cloud, key: token}}}
        - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: SPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        - {name: TEAM, valueFrom: {fieldRef: {fieldPath: "metadata.labels['team']"}}}
        - {name: NOTE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}
        - {name: WHO, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}
        - {name: CPUS, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
        - {name: MIB, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
        - {name: A, value: again}
`), Options{ConfigMap: maps})
	process := p.Spec.Groups[0].Process
	want := []job.Env{
		{Name: "S_Z", Value: "z"}, {Name: "S_lr", Value: "0.1"},
		{Name: "A", Value: "again"}, {Name: "B", Value: "one/$(C)/0.1"}, {Name: "C", Value: "later"}, {Name: "N", Value: "010"}, {Name: "LR", Value: "0.1"},
		{Name: "KEY", Secret: &job.SecretRef{Name: "cloud", Key: "token"}},
		{Name: "POD", Value: "${tutti:job.name}"}, {Name: "SPACE", Value: "ml"}, {Name: "TEAM", Value: "vision"}, {Name: "NOTE", Value: "hi"},
		{Name: "WHO", Value: "robot"}, {Name: "CPUS", Value: "2"}, {Name: "MIB", Value: "1024"},
	}
	if d := cmp.Diff(want, process.Env); d != "" {
		t.Error(d)
	}
	if got := process.Command[2]; got != "again $(A) $A $(NONE) one/$(C)/0.1 $(" {
		t.Errorf("%q", got)
	}
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	maps := func(string, string) (Files, bool) { return Files{"a.py": "1", "b.py": "2"}, true }
	p := readOne(t, []byte(`
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 5
      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}
      volumes:
      - {name: code, configMap: {name: c, items: [{key: b.py, path: lib/b.py}]}}
      - {name: data, hostPath: {path: /data, type: Directory}}
      - {name: shm, emptyDir: {medium: Memory}}
      containers:
      - name: c
        image: i
        command: [a]
        workingDir: /work
        resources: {limits: {nvidia.com/gpu: 2}}
        volumeMounts:
        - {name: code, mountPath: /app/}
        - {name: data, mountPath: /in, subPath: set, readOnly: true}
        - {name: data, mountPath: /out}
        - {name: shm, mountPath: /dev/shm}
`), Options{ConfigMap: maps})
	process := p.Spec.Groups[0].Process
	want := []job.Mount{
		{Path: "/app", ReadOnly: true, ConfigMap: "c", Files: Files{"lib/b.py": "2"}},
		{Path: "/in", ReadOnly: true, HostPath: "/data", SubPath: "set"},
		{Path: "/out", HostPath: "/data"},
		{Path: "/dev/shm", Empty: true},
	}
	if d := cmp.Diff(want, process.Mounts); d != "" {
		t.Error(d)
	}
	if process.Dir != "/work" || process.Grace != 5 || process.Resources != (job.Resources{GPUs: 2, GPUKind: "NVIDIA-H100-80GB-HBM3"}) {
		t.Errorf("%+v", process)
	}
}

// pyTorchJob has a master and a number of workers.
func pyTorchJob(meta, spec, policy string) string {
	role := "restartPolicy: " + policy + ", template: {spec: {containers: [{name: pytorch, image: i, command: [\"$(RANK)\"]}]}}"
	return "{apiVersion: kubeflow.org/v1, kind: PyTorchJob, metadata: {name: j" + meta + "}, spec: {" + spec +
		"pytorchReplicaSpecs: {Master: {" + role + "}, Worker: {replicas: 3, " + role + "}}}}"
}

func envOf(p job.Process) map[string]string {
	all := map[string]string{}
	for _, e := range p.Env {
		all[e.Name] = e.Value
	}
	return all
}

func TestPyTorchJobRestarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		meta, spec, policy string
		restart            job.Restart
		attempts           int32
		rules              int
	}{
		{"", "", "Never", job.RestartNever, 1, 0},
		{"", "", "OnFailure", job.RestartGang, 7, 0},
		{"", "runPolicy: {backoffLimit: 2}, ", "Always", job.RestartGang, 3, 0},
		{"", "", "ExitCode", job.RestartGang, 7, 127},
		{", annotations: {tutti.dev/restart: member}", "", "OnFailure", job.RestartMember, 7, 0},
	} {
		spec := readOne(t, []byte(pyTorchJob(c.meta, c.spec, c.policy)), Options{}).Spec
		master, worker := spec.Groups[0], spec.Groups[1]
		if master.Name != "master" || !master.Decides || master.Replicas != 1 || worker.Name != "worker" || worker.Decides || worker.Replicas != 3 {
			t.Errorf("%s: %+v", c.policy, spec.Groups)
		}
		if master.Restart != c.restart || worker.Restart != c.restart || spec.Retry.Attempts != c.attempts || len(spec.Retry.When) != c.rules {
			t.Errorf("%s%s: restart %q, %+v", c.policy, c.meta, master.Restart, spec.Retry)
		}
		if master.Process.Command[0] != AsRank {
			t.Errorf("%q", master.Process.Command)
		}
	}
}

func TestPyTorchJobVariables(t *testing.T) {
	t.Parallel()
	env := func(spec string) map[string]string {
		return envOf(readOne(t, []byte(pyTorchJob("", spec, "OnFailure")), Options{}).Spec.Groups[1].Process)
	}
	if e := env(`nprocPerNode: "2", `); e["WORLD_SIZE"] != "8" || e["PET_NPROC_PER_NODE"] != "2" || e["PET_NNODES"] != AsWorld {
		t.Errorf("%v", e)
	}
	e := env(`elasticPolicy: {minReplicas: 1, maxReplicas: 8, rdzvBackend: c10d, maxRestarts: 5, rdzvConf: [{key: last_call_timeout, value: "1"}, {key: join_timeout, value: "60"}]}, `)
	for name, want := range map[string]string{
		"PET_NNODES": "1:8", "PET_RDZV_BACKEND": "c10d", "PET_RDZV_ENDPOINT": AsMasterAddr + ":" + AsMasterPort, "PET_RDZV_ID": AsJobID,
		"PET_MAX_RESTARTS": "5", "PET_RDZV_CONF": "last_call_timeout=1,join_timeout=60", "MASTER_ADDR": AsMasterAddr, "WORLD_SIZE": AsWorld,
	} {
		if e[name] != want {
			t.Errorf("%s is %q, want %q", name, e[name], want)
		}
	}
}

func TestPyTorchJobPolicies(t *testing.T) {
	t.Parallel()
	p := readOne(t, []byte(pyTorchJob(`, labels: {kueue.x-k8s.io/queue-name: fast}, annotations: {tutti.dev/priority: "-3", tutti.dev/retry-delay: 1s}`,
		"runPolicy: {activeDeadlineSeconds: 60, ttlSecondsAfterFinished: 5, suspend: true, cleanPodPolicy: None}, ", "OnFailure")), Options{Space: "ml"})
	s := p.Spec
	if s.Deadline.Seconds() != 60 || s.KeepFor.Seconds() != 5 || !s.Suspend || s.Queue != "fast" || s.Priority != -3 || s.Retry.Delay.Seconds() != 1 || s.Space != "ml" {
		t.Errorf("%+v", s)
	}
}

// TestProblems says for each fault where it is and what is said of it.
func TestProblems(t *testing.T) {
	t.Parallel()
	ok := ", command: [a]"
	for _, c := range []struct{ file, want string }{
		{"", "/: the file holds no document"},
		{"a: [", "this is not YAML"},
		{"{\"a\": 1,\n \"b\": \"x\ny\"}", "this is not JSON"},
		{"{\"a\": 1, \"a\": 2}", `/a: "a" stands here twice; remove one`},
		{"a: 1\na: 2", `"a" stands here twice; remove one`},
		{"[1]", "/: a document is an object, this is a array; known are: batch/v1 Job, kubeflow.org/v1 PyTorchJob"},
		{"{apiVersion: apps/v1, kind: Deployment}", "/: apps/v1 Deployment is of no kind that is known"},
		{"a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]",
			"more than 200000 values, aliases counted as often as they are used"},
		{"a: &a [*a]", "nested more than 200 deep"},
		{"a: !!binary aGk=", "the tag !!binary has no meaning here"},
		{"a: {<<: {b: 1}}", "merging with << is not read"},
		{"kind: Job\napiVersion: batch/v1\nmetadata: {name: Upper}\nspec: {}", `/metadata/name: the name "Upper" is invalid: use lower-case letters`},
		{`{apiVersion: batch/v1, kind: Job, metadata: {}, spec: {}}`, "/metadata: metadata.name is missing"},
		{batchJob("", ""), "/spec/template/spec/containers/0: command is missing: an image's own entrypoint is not read"},
		{batchJob("parallelism: 3, ", ok), "/spec/parallelism: parallelism without completions (a work queue) is not supported"},
		{batchJob("parallelism: 0, ", ok), "/spec/parallelism: parallelism 0 is not supported: hold the job back with suspend: true"},
		{batchJob("completions: x, ", ok), `/spec/completions: must be a whole number from 1 to 1000000, is "x"`},
		{batchJob("suspend: yes, ", ok), "/spec/suspend: must be a boolean, is a string"},
		{batchJob("completionMode: Indexed, ", ok), "/spec: completions is missing"},
		{batchJob("successPolicy: {rules: []}, ", ok), "/spec/successPolicy: successPolicy is not supported"},
		{batchJob("", ok+", resources: {limits: {memory: lots}}"), `/spec/template/spec/containers/0/resources/limits/memory: must be an amount such as 2, 500m, 1.5 or 8Gi, is "lots"`},
		{batchJob("", ok+", resources: {limits: {nvidia.com/mig-1g.5gb: 1}}"), "the resource nvidia.com/mig-1g.5gb is not supported"},
		{batchJob("", ok+", env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}]"),
			`/spec/template/spec/containers/0/env/0/valueFrom/configMapKeyRef: there is no config map "m" in namespace "default"; make it with: tutti apply -f FILE`},
		{batchJob("", `, command: ["$(S)"], env: [{name: S, valueFrom: {secretKeyRef: {name: n, key: k}}}]`), "/spec/template/spec/containers/0/command/0: $(S) is a secret"},
		{batchJob("", `, command: ["${tutti:rank}"]`), "/spec/template/spec/containers/0/command/0: \"${tutti:\" is reserved"},
		{batchJob("", `, command: ["$(A)tutti:rank}"], env: [{name: A, value: "${"}]`), "is reserved"},
		{batchJob("", ok+", lifecycle: {preStop: {}}"), "/lifecycle: lifecycle is not supported"},
		{batchJob("", ok+", volumeMounts: [{name: v, mountPath: /x}]"), `there is no volume "v"; the pod has none`},
		{strings.Replace(batchJob("", ok), "containers:", "volumes: [{name: v, persistentVolumeClaim: {claimName: c}}], containers:", 1), "/spec/template/spec/volumes/0: this kind of volume is not supported: use configMap, emptyDir, or hostPath"},
		{strings.Replace(batchJob("", ok), "containers:", "volumes: [{name: v, hostPath: {path: /a/../b}}], containers:", 1), "must be absolute and without .."},
		{strings.Replace(batchJob("", ok), "containers:", "initContainers: [{name: x}], containers:", 1), "/spec/template/spec/initContainers: initContainers is not supported"},
		{strings.Replace(batchJob("", ok), "restartPolicy: Never", "restartPolicy: Always", 1), "restartPolicy must be Never or OnFailure"},
		{"{apiVersion: kubeflow.org/v1, kind: PyTorchJob, metadata: {name: j}, spec: {}}", "spec.pytorchReplicaSpecs is missing"},
		{strings.Replace(pyTorchJob("", "", "Never"), "Master: {", "Master: {replicas: 2, ", 1), "/spec/pytorchReplicaSpecs/Master/replicas: must be a whole number from 1 to 1, is 2"},
		{strings.Replace(pyTorchJob("", "", "Never"), "restartPolicy: Never", "restartPolicy: OnFailure", 1), "Master and Worker must have one restartPolicy"},
		{pyTorchJob(", annotations: {tutti.dev/restart: some}", "", "OnFailure"), "must be gang or member"},
		{pyTorchJob(", annotations: {tutti.dev/priority: high}", "", "OnFailure"), "must be a whole number"},
		{pyTorchJob("", "elasticPolicy: {minReplicas: 1, maxReplicas: 2}, ", "OnFailure"), "4 replicas are asked for, which is outside of minReplicas to maxReplicas (1 to 2)"},
		{"{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {k: eA==}}", "a Secret is not kept here"},
		{"{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a/b: x}}", `/data/a~1b: the key "a/b" is invalid`},
		{"{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, binaryData: {k: /w==}}", `binaryData "k" is not text`},
		{"{apiVersion: tutti.dev/v1, kind: Function, metadata: {name: f}, spec: {}}", "must hold either command"},
		{`{"StartAt":"A","States":{}}`, "a state machine has no name in its file"},
		{`{"jobDefinitionName":"d","type":"multinode","nodeProperties":{"numNodes":2}}`, `/type: the type "multinode" is not supported: only jobs of one container are run so far`},
		{`{"jobDefinitionName":"d","type":"container","containerProperties":{"image":"i","resourceRequirements":[{"type":"VCPU","value":"-1"}]}}`,
			`/containerProperties/resourceRequirements/0/value: must be a number of vCPUs`},
		{`{"jobQueueName":"q","state":"ON"}`, `/state: must be ENABLED or DISABLED, is "ON"`},
		{`{"computeEnvironmentName":"q","type":"MANAGED","computeResources":{}}`, "/computeResources: maxvCpus is missing"},
	} {
		docs, problems := Read([]byte(c.file), Options{})
		if !Broken(problems) || len(docs) > 0 {
			t.Errorf("%s\nis taken: %v %v", c.file, docs, problems)
		} else if !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%s\nsays %s\nnot  %s", c.file, problems, c.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\nspec:\n  completions: -1\n":                                      "/spec/completions 6:16",
		"{\n \"apiVersion\": \"batch/v1\", \"kind\": \"Job\",\n \"metadata\": {\"name\": \"j\"},\n \"spec\": {\"suspend\": 12}}": "/spec/suspend 4:22",
		"---\n---\nkind: X\n": " 3:1",
	} {
		_, problems := Read([]byte(file), Options{})
		var places []string
		for _, p := range problems {
			places = append(places, fmt.Sprintf("%s %d:%d", p.Pointer, p.Line, p.Column))
		}
		if !slices.Contains(places, want) {
			t.Errorf("%q: faults at %q, want one at %s", file, places, want)
		}
	}
}

func TestEveryFaultOnce(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"limits", "requests"} {
		for _, name := range []string{"cpu", "memory", "nvidia.com/gpu"} {
			_, problems := Read([]byte(batchJob("", ", command: [a], resources: {"+side+": {"+name+": lots}}")), Options{})
			if len(problems) != 1 {
				t.Errorf("%s.%s: %v", side, name, problems)
			}
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, want string }{
		{batchJob("paralelism: 2, ", ", command: [a]"), `/spec/paralelism: warning: the field "paralelism" is not known and has no effect; is it spelled right?`},
		{strings.Replace(batchJob("", ", command: [a]"), "containers:", "nodeSelector: {pool: gpu}, containers:", 1), "/spec/template/spec/nodeSelector/pool: warning: the node selector pool has no effect here"},
		{batchJob("", `, command: [a], env: [{name: A, value: "x-$(date +%s)"}]`), "warning: $(date +%s) stays as it is: no shell runs it here"},
		{batchJob("", ", command: [a, 1]"), `/spec/template/spec/containers/0/command/1: warning: 1 is taken as text; write it as "1"`},
		{pyTorchJob("", "elasticPolicy: {rdzvPort: 29400}, ", "OnFailure"), "rdzvHost and rdzvPort have no effect"},
	} {
		docs, problems := Read([]byte(c.file), Options{})
		if Broken(problems) || len(docs) != 1 || !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%s\nsays %v\nnot  %s", c.file, problems, c.want)
		}
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	docs, problems := Read([]byte(`
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i, command: [a], envFrom: [{configMapRef: {name: m}}]}]}}}
---
# a comment alone
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {KEY: "yes"}}
- {apiVersion: v1, kind: Namespace, metadata: {name: ml}}
---
apiVersion: nope/v1
kind: Nope
`), Options{})
	var kinds []Kind
	for _, d := range docs {
		kinds = append(kinds, d.Kind)
	}
	if d := cmp.Diff([]Kind{KindJob, KindConfigMap, KindNamespace}, kinds); d != "" {
		t.Error(d)
	}
	if len(problems) != 1 || problems[0].Line != 15 {
		t.Errorf("%+v", problems)
	}
	if env := docs[0].Spec.Groups[0].Process.Env; len(env) != 1 || env[0].Value != "yes" {
		t.Errorf("the file's own config map is not known to its job: %+v", env)
	}
}

func TestScalars(t *testing.T) {
	t.Parallel()
	docs, problems := parse([]byte("a: yes\nb: no\nc: 0x10\nd: 1_000\ne: 1.50\nf: true\ng: ~\nh: 2026-11-22\ni: .inf\nj: 010\nk: 'x'\nl: 12345678901234567890123\n"))
	if problems != nil {
		t.Fatal(problems)
	}
	want := `{"a":"yes","b":"no","c":"0x10","d":"1_000","e":1.50,"f":true,"g":null,"h":"2026-11-22","i":".inf","j":"010","k":"x","l":12345678901234567890123}`
	if got := docs[0].value().JSON(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestQuantities(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "1": 1000, "500m": 500, "1.5": 1500, ".5": 500, "2.": 2000, "1k": 1e6, "1Ki": 1024000, "1e3": 1e6, "1E3": 1e6, "100u": 1, "1n": 1} {
		if q, ok := quantity(text); !ok || ceil(q, 1000) != want {
			t.Errorf("%s: %v, %v; want %d", text, q, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "1 Gi", "1gi", "Gi", "1e", "0x10", "1e9999", "1.2.3"} {
		if q, ok := quantity(text); ok {
			t.Errorf("%q is taken as %v", text, q)
		}
	}
}

// TestExamples reads every file of examples/ that is for tutti apply.
func TestExamples(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"*/*.yaml", "*/*.json"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "examples", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatal("there are no examples")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if base := filepath.Base(name); base == "input.json" || base == "tutti.yaml" {
			continue // a run's input, a server's configuration
		}
		if _, problems := Read(text, Options{Name: "example"}); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestExampleTemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "train", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cm := readOne(t, text, Options{})
	files, err := ConfigMapFiles(cm.Data)
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"EXPERIMENT_NAME": "first", "NUM_EPOCHS": "10", "BATCH_SIZE": "32", "RUN": "run-1", "CODE": "/code", "DATA": "/data"}
	var allow []string
	for name := range vars {
		allow = append(allow, name)
	}
	rendered, problems := Render(files["pytorchjob.yaml"], vars, allow)
	if problems != nil {
		t.Fatal(problems)
	}
	docs, problems := Read(rendered, Options{})
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatal(problems)
	}
	spec := docs[0].Spec
	if spec.Replicas() != 2 || spec.Groups[0].Restart != job.RestartGang || spec.Groups[1].Process.Mounts[0].HostPath != "/code" ||
		!slices.Contains(spec.Groups[1].Process.Command, "--checkpoint=/workspace/data/run-1/model.pt") {
		t.Errorf("%+v", spec)
	}
}

func TestReadValueNamesPlaces(t *testing.T) {
	t.Parallel()
	_, problems := ReadValue(value.MustParse(`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"a/b"},"spec":{"template":{}}}`), Options{})
	if !strings.Contains(problems.Error(), `/metadata/name: the name "a/b" is invalid`) {
		t.Error(problems)
	}
}
