package manifest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/value"
)

// readPyTorchJob reads a PyTorchJob of Kubeflow's training operator (v1). Master and workers become the groups of a gang;
// rank 0, which the others meet at, is the master or, without one, the first worker, and its end is the job's.
//
// Processes of torch.distributed cannot go on when one of them is gone: those that are left hang in their next collective
// operation until it times out. So a failure restarts the gang as a whole; the annotation tutti.dev/restart: member asks
// for the one replica instead, which is right for torchrun's elastic agents.
func readPyTorchJob(r *reader, f *fields) Parsed {
	m := r.metadata(f, maxName, true)
	s := f.sub("spec")
	spec := &job.Spec{Origin: "kubeflow.org/v1 PyTorchJob", Retry: job.Retry{Delay: retryDelay, MaxDelay: retryMaxDelay}}
	r.common(m, spec)
	limit := r.runPolicy(s.sub("runPolicy"), spec)

	specs := s.sub("pytorchReplicaSpecs")
	var roles []role
	total := int64(0)
	for _, name := range []string{"Master", "Worker"} {
		if specs.has(name) {
			role := r.role(specs.sub(name), name)
			total += int64(role.replicas)
			roles = append(roles, role)
		}
	}
	if len(roles) == 0 {
		f.missing("spec.pytorchReplicaSpecs", "describe Worker, and Master where one is wanted")
	}
	specs.end()
	given := r.torchVariables(s, total)
	for i, role := range roles {
		if role.policy != roles[0].policy {
			r.fault(role.n, codeUnsupported, "Master and Worker must have one restartPolicy, as they restart together; these have %s and %s", roles[0].policy, role.policy)
		}
		g := r.group(role, m, given, spec)
		g.Decides = i == 0
		spec.Groups = append(spec.Groups, g)
	}
	s.end()
	if len(roles) > 0 {
		torchRestarts(roles[0].policy, limit, spec)
	}
	out := m.parsed(KindJob)
	out.Spec = spec
	return out
}

// role is one of Master and Worker.
type role struct {
	*fields
	name     string // lower case
	replicas int32
	policy   string
}

const maxReplicas = 10_000

// runPolicy reads what holds for the whole job, and returns how many restarts it may have.
func (r *reader) runPolicy(p *fields, spec *job.Spec) int64 {
	spec.Deadline = seconds(p.number("activeDeadlineSeconds", 1, math.MaxInt32, 0))
	spec.Suspend = p.bool("suspend")
	spec.KeepFor = r.keepFor(p)
	limit := p.number("backoffLimit", 0, math.MaxInt32, backoffLimit)
	// No process outlives its job here, whatever the policy for pods.
	if c := p.text("cleanPodPolicy"); c != "" && !slices.Contains([]string{"All", "Running", "None"}, c) {
		r.fault(p.get("cleanPodPolicy"), codeInvalid, "must be All, Running or None, is %q", c)
	}
	gang := p.sub("schedulingPolicy")
	if q := gang.text("queue"); q != "" && spec.Queue == "" {
		spec.Queue = q
	}
	gang.notice("a gang starts whole or not at all", "minAvailable", "minResources", "scheduleTimeoutSeconds")
	gang.notice(`set the annotation tutti.dev/priority: "100" instead`, "priorityClass")
	gang.end()
	p.refuse("remove it; this server runs the job", "managedBy")
	p.end()
	return limit
}

func (r *reader) role(f *fields, name string) role {
	most := int64(maxReplicas)
	if name == "Master" {
		most = 1
	}
	out := role{fields: f, name: strings.ToLower(name), replicas: int32(f.number("replicas", 1, most, 1)), policy: f.text("restartPolicy")}
	switch out.policy {
	case "":
		out.policy = "OnFailure" // the operator's default
	case "Never", "OnFailure", "ExitCode", "Always":
	default:
		r.fault(f.get("restartPolicy"), codeInvalid, "must be Never, OnFailure, Always or ExitCode, is %q", out.policy)
	}
	return out
}

// group reads the pod template of a role.
func (r *reader) group(f role, m meta, given []job.Env, spec *job.Spec) job.Group {
	g := job.Group{Name: f.name, Replicas: f.replicas}
	t := r.template(f.fields, pod{
		space: m.space,
		name:  AsJobName + "-" + f.name + "-" + AsReplica,
		given: given,
		labels: map[string]string{
			"training.kubeflow.org/job-name":      AsJobName,
			"training.kubeflow.org/operator-name": "pytorchjob-controller",
			"training.kubeflow.org/replica-type":  f.name,
			"training.kubeflow.org/replica-index": AsReplica,
		},
	})
	f.end()
	g.Process = t.process
	spec.Timeout = max(spec.Timeout, t.timeout)
	if f.policy == "Never" {
		return g
	}
	g.Restart = job.RestartGang
	switch how := m.annotations[annotationRestart]; how {
	case "", string(job.RestartGang):
	case string(job.RestartMember):
		g.Restart = job.RestartMember
	default:
		r.fault(m.node, codeInvalid, "the annotation %s must be gang or member, is %q", annotationRestart, how)
	}
	return g
}

// torchRestarts says which failures restart. ExitCode is the operator's policy by which 1 to 127 are faults of the
// program, for good, and 128 and above are signals, worth another attempt.
func torchRestarts(policy string, limit int64, spec *job.Spec) {
	if policy == "Never" {
		spec.Retry = job.Retry{Attempts: 1}
		return
	}
	budget := int32(limit)
	spec.Retry.Attempts, spec.Retry.Budget = attempts(limit), &budget
	if policy == "ExitCode" {
		for code := 1; code < 128; code++ {
			spec.Retry.When = append(spec.Retry.When, job.RetryRule{ExitCode: strconv.Itoa(code), Exit: true})
		}
	}
}

// torchVariables are what the operator sets in every container: MASTER_ADDR and its fellows for programs that call
// init_process_group, and PET_* for those that torchrun starts.
func (r *reader) torchVariables(s *fields, total int64) []job.Env {
	nproc, count := r.nprocPerNode(s)
	world := AsWorld
	if count > 1 {
		world = strconv.FormatInt(total*count, 10)
	}
	given := []job.Env{
		{Name: "PYTHONUNBUFFERED", Value: "1"},
		{Name: "MASTER_ADDR", Value: AsMasterAddr},
		{Name: "MASTER_PORT", Value: AsMasterPort},
		{Name: "WORLD_SIZE", Value: world},
		{Name: "RANK", Value: AsRank},
		{Name: "PET_MASTER_ADDR", Value: AsMasterAddr},
		{Name: "PET_MASTER_PORT", Value: AsMasterPort},
		{Name: "PET_NODE_RANK", Value: AsRank},
		{Name: "PET_NPROC_PER_NODE", Value: nproc},
	}
	if e := s.sub("elasticPolicy"); e.n != nil {
		return append(given, r.elasticVariables(e, total)...)
	}
	return append(given, job.Env{Name: "PET_NNODES", Value: AsWorld})
}

// nprocPerNode is torchrun's --nproc-per-node, and how many processes that makes where it is a number.
func (r *reader) nprocPerNode(s *fields) (text string, count int64) {
	n := s.get("nprocPerNode")
	if n == nil {
		return "auto", 1
	}
	if slices.Contains([]string{"auto", "cpu", "gpu"}, n.text) {
		return n.text, 1
	}
	count, err := strconv.ParseInt(n.text, 10, 32)
	if err != nil || count < 1 || (n.kind != value.String && n.kind != value.Number) {
		r.fault(n, codeInvalid, "must be auto, cpu, gpu or a number of processes, is %s", n.value())
		return "auto", 1
	}
	return n.text, count
}

// elasticVariables hand the elastic policy to torchrun. All replicas start together; the range lets those that are left
// go on where tutti.dev/restart is member.
func (r *reader) elasticVariables(e *fields, total int64) []job.Env {
	low := e.number("minReplicas", 1, maxReplicas, total)
	high := e.number("maxReplicas", 1, maxReplicas, total)
	if low > high {
		r.fault(e.n, codeInvalid, "minReplicas is %d and maxReplicas %d: the range is empty", low, high)
	} else if total < low || total > high {
		r.fault(e.n, codeInvalid, "%s are asked for, which is outside of minReplicas to maxReplicas (%d to %d)", plural(int(total), "replica"), low, high)
	}
	backend := e.text("rdzvBackend")
	if backend == "" {
		backend = "c10d"
	}
	port, host, id := e.number("rdzvPort", 1, 65535, 0), e.text("rdzvHost"), e.text("rdzvId")
	endpoint := AsMasterAddr + ":" + AsMasterPort
	if host != "" || port != 0 {
		r.warn(e.n, codeIgnored, "rdzvHost and rdzvPort have no effect: the place to meet is chosen for each attempt")
	}
	if id == "" {
		id = AsJobID
	} else {
		r.reserved(e.get("rdzvId"), id)
	}
	given := []job.Env{
		{Name: "PET_NNODES", Value: fmt.Sprintf("%d:%d", low, high)},
		{Name: "PET_RDZV_BACKEND", Value: backend},
		{Name: "PET_RDZV_ENDPOINT", Value: endpoint},
		{Name: "PET_RDZV_ID", Value: id},
	}
	var conf []string
	for _, n := range e.list("rdzvConf") {
		c := r.fields(n)
		conf = append(conf, c.need("key", "name the setting")+"="+c.need("value", "give the setting's value"))
		c.end()
	}
	if conf != nil {
		given = append(given, job.Env{Name: "PET_RDZV_CONF", Value: strings.Join(conf, ",")})
	}
	if e.has("maxRestarts") {
		given = append(given, job.Env{Name: "PET_MAX_RESTARTS", Value: strconv.FormatInt(e.number("maxRestarts", 0, math.MaxInt32, 0), 10)})
	}
	if e.bool("standalone") {
		given = append(given, job.Env{Name: "PET_STANDALONE", Value: "True"})
	}
	e.notice("set spec.nprocPerNode instead", "nProcPerNode")
	e.notice("the number of replicas does not follow a metric", "metrics")
	e.end()
	return given
}
