package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
)

// template is what a pod template asks for.
type template struct {
	process       job.Process
	restartPolicy string
	timeout       time.Duration // of an attempt
}

// container is what a container asks for, as written: limits.memory, requests.cpu and so on.
type container struct{ asked map[string]string }

// gpuLabels are labels of nodes that name a kind of GPU.
var gpuLabels = []string{"nvidia.com/gpu.product", "cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name"}

// template reads the PodTemplateSpec called template. p says what the controller of this kind of job would add.
func (r *reader) template(parent *fields, p pod) template {
	f := parent.sub("template")
	if f.n == nil {
		parent.missing("template", "describe the pod")
		return template{restartPolicy: "Never"}
	}
	m := f.sub("metadata")
	p.labels = merged(p.labels, m.dict("labels"))
	p.annotations = m.dict("annotations")
	m.ignore("name", "generateName", "namespace", "creationTimestamp")
	m.end()
	s := f.sub("spec")
	if s.n == nil {
		f.missing("spec", "describe the pod")
		return template{restartPolicy: "Never"}
	}
	f.end()
	p.account = s.text("serviceAccountName")
	t := template{
		restartPolicy: s.text("restartPolicy"),
		timeout:       seconds(s.number("activeDeadlineSeconds", 1, math.MaxInt32, 0)),
	}
	grace := job.Seconds(s.number("terminationGracePeriodSeconds", 0, math.MaxInt32, 0))
	kind := r.nodeSelector(s)
	all := r.volumes(s, p.space)
	s.ignore("serviceAccountName", "serviceAccount", "automountServiceAccountToken", "imagePullSecrets", "dnsPolicy", "dnsConfig",
		"schedulerName", "enableServiceLinks", "hostNetwork", "hostname", "subdomain", "preemptionPolicy", "tolerations", "overhead", "os", "setHostnameAsFQDN")
	s.notice("there is one machine", "affinity", "topologySpreadConstraints", "nodeName")
	s.notice("processes run with their owner's rights", "securityContext", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace", "runtimeClassName")
	s.notice(`set the annotation tutti.dev/priority: "100" instead`, "priorityClassName", "priority")
	s.notice("names are resolved as the machine does", "hostAliases")
	s.refuse("do its work at the start of the main container's command", "initContainers")
	s.refuse("there is no such thing on one machine", "ephemeralContainers", "resourceClaims")
	containers := s.list("containers")
	s.end()
	switch len(containers) {
	case 1:
		t.process = r.container(containers[0], p, all)
	case 0:
		s.missing("containers", "give the one container that is to run")
	default:
		r.fault(containers[1], codeUnsupported, "a second container is not supported: start its program in the first one's command")
	}
	t.process.Grace = grace
	if t.process.Resources.GPUs > 0 {
		t.process.Resources.GPUKind = kind
	}
	return t
}

// nodeSelector takes the kind of GPU from a selector; all else has no meaning on one machine.
func (r *reader) nodeSelector(s *fields) (gpuKind string) {
	f := s.sub("nodeSelector")
	for _, label := range gpuLabels {
		if kind := f.text(label); kind != "" {
			gpuKind = kind
		}
	}
	if f.n == nil {
		return gpuKind
	}
	for i, name := range f.n.names {
		if !f.read[name] {
			r.warn(f.n.list[i], codeIgnored, "the node selector %s has no effect here: there is one machine", name)
		}
	}
	return gpuKind
}

func (r *reader) container(n *node, p pod, all volumes) job.Process {
	c := r.fields(n)
	c.ignore("name", "imagePullPolicy", "ports", "terminationMessagePath", "terminationMessagePolicy", "tty", "stdin", "stdinOnce", "resizePolicy")
	c.notice("the process's end is its only sign of health", "livenessProbe", "readinessProbe", "startupProbe")
	c.notice("processes run with their owner's rights", "securityContext")
	c.refuse("do its work in the command", "lifecycle")
	c.refuse("use volumeMounts", "volumeDevices")
	c.refuse("set restartPolicy of the pod", "restartPolicy", "restartPolicyRules")
	resources, asked := r.resources(c.sub("resources"))
	env, scope := r.env(c, p, asked)
	process := job.Process{
		Image:     c.need("image", "name the image; the server's configuration maps it to the host's files"),
		Env:       env,
		Dir:       c.text("workingDir"),
		Resources: resources,
		Mounts:    r.mounts(c, all),
	}
	if process.Dir != "" && !path.IsAbs(process.Dir) {
		r.fault(c.get("workingDir"), codeInvalid, "the path %q must be absolute", process.Dir)
	}
	if !c.has("command") {
		c.missing("command", "an image's own entrypoint is not read; write the program out")
	}
	for _, field := range []string{"command", "args"} {
		for _, word := range c.list(field) {
			text := r.expanded(word, r.scalar(word), scope)
			if strings.ContainsRune(text, 0) {
				r.fault(word, codeInvalid, "a word of a command cannot hold a NUL character")
			}
			process.Command = append(process.Command, text)
		}
	}
	c.end()
	return process
}

// resources reads requests and limits. What is set aside is the request of cpu, which may be exceeded while others are
// idle, and the limit of memory, which may not.
func (r *reader) resources(f *fields) (job.Resources, container) {
	limits, requests := f.sub("limits"), f.sub("requests")
	f.refuse("ask for nvidia.com/gpu", "claims")
	f.end()
	c := container{asked: map[string]string{}}
	ask := func(prefix string, side *fields) {
		if side.n != nil {
			for i, name := range side.n.names {
				c.asked[prefix+name] = side.n.list[i].text
			}
		}
	}
	ask("limits.", limits)
	ask("requests.", requests)
	first := func(name string, scale int64, sides ...*fields) (amount int64) {
		for _, side := range sides {
			if v := r.amount(side.get(name), scale); v > 0 && amount == 0 {
				amount = v
			}
		}
		return amount
	}
	most := first("cpu", 1000, limits)
	res := job.Resources{
		MilliCPU:    cmp.Or(first("cpu", 1000, requests), most),
		Memory:      first("memory", 1, limits, requests),
		MaxMilliCPU: most,
	}
	gpus := first("nvidia.com/gpu", 1, limits, requests)
	if gpus > math.MaxInt32 {
		r.fault(limits.n, codeInvalid, "%d GPUs are more than there can be", gpus)
		gpus = 0
	}
	res.GPUs = int32(gpus)
	for _, side := range []*fields{limits, requests} {
		side.notice("it is not measured or limited", "ephemeral-storage")
		if side.n == nil {
			continue
		}
		for i, name := range side.n.names {
			switch {
			case side.read[name]:
			case strings.Contains(name, "gpu") || strings.HasPrefix(name, "nvidia.com/") || strings.HasPrefix(name, "aws.amazon.com/"):
				r.fault(side.n.list[i], codeUnsupported, "the resource %s is not supported: ask for nvidia.com/gpu", name)
			default:
				r.warn(side.n.list[i], codeIgnored, "the resource %s has no effect here", name)
			}
			side.read[name] = true
		}
	}
	return res, c
}

// merged is a with b's entries over it.
func merged(a, b map[string]string) map[string]string {
	all := make(map[string]string, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// Annotations that say what Kubernetes has no field for.
const (
	annotationQueue      = "tutti.dev/queue"       // name of a queue
	annotationPriority   = "tutti.dev/priority"    // a whole number; higher goes first
	annotationRestart    = "tutti.dev/restart"     // gang or member: what starts again when a replica fails
	annotationRetryDelay = "tutti.dev/retry-delay" // before the second attempt, such as 1s
	labelQueue           = "kueue.x-k8s.io/queue-name"
)

// common puts into spec what metadata says about every kind of job.
func (r *reader) common(m meta, spec *job.Spec) {
	spec.Name, spec.Space, spec.Labels = m.name, m.space, m.labels
	spec.Queue = m.labels[labelQueue]
	if q, ok := m.annotations[annotationQueue]; ok {
		spec.Queue = q
	}
	if p, ok := m.annotations[annotationPriority]; ok {
		if _, err := fmt.Sscanf(p+"\n", "%d\n", &spec.Priority); err != nil {
			r.fault(m.node, codeInvalid, "the annotation %s must be a whole number, is %q", annotationPriority, p)
		}
	}
	if d, ok := m.annotations[annotationRetryDelay]; ok {
		delay, err := time.ParseDuration(d)
		if err != nil || delay < 0 {
			r.fault(m.node, codeInvalid, "the annotation %s must be a duration such as 1s, is %q", annotationRetryDelay, d)
		}
		spec.Retry.Delay = delay
	}
}
