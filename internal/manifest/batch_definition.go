package manifest

import (
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/value"
)

// batchSettings are what an AWS Batch job definition says and a submission may override.
type batchSettings struct {
	process    job.Process
	parameters map[string]string
	retry      job.Retry
	timeout    time.Duration
	priority   int32
	tags       map[string]string
}

// notYet is what to say of AWS's other shapes of job.
const notYet = "only jobs of one container are run so far (type container, containerProperties)"

// readJobDefinition reads the input of RegisterJobDefinition and keeps it as it is.
func readJobDefinition(r *reader, f *fields) Parsed {
	name := f.need("jobDefinitionName", "name the definition")
	r.checkBatchName(f.get("jobDefinitionName"), name)
	settings := r.batchDefinition(f)
	return Parsed{Kind: KindJobDefinition, Name: name, Labels: settings.tags, Data: f.n.value()}
}

func (r *reader) batchDefinition(f *fields) batchSettings {
	f.ignore("jobDefinitionName", "platformCapabilities", "propagateTags", "jobDefinitionArn", "revision", "status", "containerOrchestrationType")
	f.refuse(notYet, "nodeProperties", "eksProperties", "ecsProperties", "consumableResourceProperties")
	if t := f.need("type", `give "container"`); t != "" && t != "container" {
		r.fault(f.get("type"), codeUnsupported, "the type %q is not supported: %s", t, notYet)
	}
	out := batchSettings{
		parameters: f.dict("parameters"),
		retry:      r.batchRetry(f.sub("retryStrategy")),
		timeout:    r.batchTimeout(f.sub("timeout")),
		priority:   int32(f.number("schedulingPriority", 0, 9999, 0)),
		tags:       f.dict("tags"),
	}
	c := f.sub("containerProperties")
	if c.n == nil && !f.has("nodeProperties") && !f.has("eksProperties") && !f.has("ecsProperties") {
		f.missing("containerProperties", "describe the container")
	}
	out.process = r.containerProperties(c)
	return out
}

func (r *reader) containerProperties(c *fields) job.Process {
	p := job.Process{
		Image:   c.text("image"),
		Command: r.batchCommand(c),
		Env:     r.batchEnvironment(c),
	}
	if c.n != nil && p.Image == "" {
		c.missing("image", "name the image; the server's configuration maps it to the host's files")
	}
	for _, n := range c.list("secrets") {
		s := r.fields(n)
		name := s.need("name", "name the variable")
		p.Env = append(p.Env, job.Env{Name: name, Secret: batchSecret(s.need("valueFrom", "give the secret's ARN or name"))})
		s.end()
	}
	r.batchResources(c, &p.Resources)
	p.Mounts = r.batchMounts(c)
	c.ignore("jobRoleArn", "executionRoleArn", "logConfiguration", "networkConfiguration", "fargatePlatformConfiguration", "runtimePlatform",
		"ephemeralStorage", "instanceType", "repositoryCredentials", "enableExecuteCommand")
	c.notice("processes run with their owner's rights", "user", "privileged", "readonlyRootFilesystem", "ulimits", "linuxParameters")
	c.end()
	return p
}

func (r *reader) batchCommand(c *fields) []string {
	words := c.texts("command")
	for _, n := range c.list("command") {
		r.reserved(n, n.text)
	}
	return words
}

func (r *reader) batchEnvironment(c *fields) []job.Env {
	var env []job.Env
	for _, n := range c.list("environment") {
		e := r.fields(n)
		name := e.need("name", "name the variable")
		v := ""
		if t := e.get("value"); t != nil {
			v = r.scalar(t)
			r.reserved(t, v)
		}
		if strings.HasPrefix(name, "AWS_BATCH") {
			r.fault(e.get("name"), codeInvalid, "names that begin with AWS_BATCH are the service's own; take another than %q", name)
		}
		e.end()
		env = append(env, job.Env{Name: name, Value: v})
	}
	return env
}

// batchSecret reads the ARN of a secret (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME:KEY:…), of a parameter
// (arn:aws:ssm:REGION:ACCOUNT:parameter/NAME), or a bare name. Without a key the secret's only key is called value.
func batchSecret(from string) *job.SecretRef {
	ref := &job.SecretRef{Name: from, Key: "value"}
	if parts := strings.Split(from, ":"); len(parts) > 6 && parts[5] == "secret" {
		ref.Name = parts[6]
		if len(parts) > 7 && parts[7] != "" {
			ref.Key = parts[7]
		}
	} else if len(parts) > 5 {
		ref.Name = strings.TrimPrefix(strings.Join(parts[5:], ":"), "parameter/")
	}
	return ref
}

const mebibyte = 1 << 20

// batchResources reads resourceRequirements and the older vcpus and memory over what res holds.
func (r *reader) batchResources(c *fields, res *job.Resources) {
	if v := c.number("vcpus", 1, math.MaxInt32, 0); v > 0 {
		res.MilliCPU = v * 1000
	}
	if m := c.number("memory", 1, math.MaxInt32, 0); m > 0 {
		res.Memory = m * mebibyte
	}
	for _, n := range c.list("resourceRequirements") {
		f := r.fields(n)
		kind, text := f.need("type", "give VCPU, MEMORY or GPU"), ""
		if v := f.get("value"); v == nil {
			f.missing("value", "say how much")
		} else if v.kind == value.String || v.kind == value.Number {
			text = v.text
		}
		switch kind {
		case "VCPU":
			cpu, err := strconv.ParseFloat(text, 64)
			if err != nil || cpu <= 0 || cpu > math.MaxInt32 {
				r.fault(f.get("value"), codeInvalid, "must be a number of vCPUs such as 0.25 or 4, is %q", text)
				break
			}
			res.MilliCPU = int64(math.Round(cpu * 1000))
		case "MEMORY":
			res.Memory = r.batchAmount(f, text, "MiB") * mebibyte
		case "GPU":
			res.GPUs = int32(r.batchAmount(f, text, "GPUs"))
		case "":
		default:
			r.fault(f.get("type"), codeInvalid, "must be VCPU, MEMORY or GPU, is %q", kind)
		}
		f.end()
	}
}

func (r *reader) batchAmount(f *fields, text, unit string) int64 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		r.fault(f.get("value"), codeInvalid, "must be a whole number of %s, is %q", unit, text)
		return 0
	}
	return n
}

func (r *reader) batchMounts(c *fields) []job.Mount {
	all := map[string]job.Mount{}
	for _, n := range c.list("volumes") {
		f := r.fields(n)
		f.refuse("mount it on the host and give host.sourcePath", "efsVolumeConfiguration", "s3FilesVolumeConfiguration")
		host := f.sub("host")
		source := host.text("sourcePath")
		host.end()
		all[f.need("name", "name the volume")] = job.Mount{HostPath: source, Empty: source == ""}
		if source != "" && (!path.IsAbs(source) || hasDots(source)) {
			r.fault(host.get("sourcePath"), codeInvalid, "the path %q must be absolute and without ..", source)
		}
		f.end()
	}
	var mounts []job.Mount
	for _, n := range c.list("mountPoints") {
		f := r.fields(n)
		m, ok := all[f.need("sourceVolume", "name the volume")]
		if !ok {
			r.fault(n, codeMissing, "there is no volume %q", f.text("sourceVolume"))
		}
		m.Path, m.ReadOnly = f.need("containerPath", "give the path in the container"), f.bool("readOnly")
		if m.Path != "" && (!path.IsAbs(m.Path) || hasDots(m.Path)) {
			r.fault(f.get("containerPath"), codeInvalid, "the path %q must be absolute and without ..", m.Path)
		}
		f.end()
		mounts = append(mounts, m)
	}
	return mounts
}

// batchRetry reads retryStrategy. AWS allows 1 to 10 attempts.
func (r *reader) batchRetry(f *fields) job.Retry {
	retry := job.Retry{Attempts: int32(f.number("attempts", 1, 10, 1))}
	for _, n := range f.list("evaluateOnExit") {
		e := r.fields(n)
		rule := job.RetryRule{ExitCode: e.text("onExitCode"), Reason: e.text("onReason"), StatusReason: e.text("onStatusReason")}
		switch action := e.need("action", "give RETRY or EXIT"); strings.ToUpper(action) {
		case "EXIT":
			rule.Exit = true
		case "RETRY", "":
		default:
			r.fault(e.get("action"), codeInvalid, "must be RETRY or EXIT, is %q", action)
		}
		e.end()
		retry.When = append(retry.When, rule)
	}
	f.end()
	return retry
}

func (r *reader) batchTimeout(f *fields) time.Duration {
	defer f.end()
	return seconds(f.number("attemptDurationSeconds", 1, math.MaxInt32, 0))
}
