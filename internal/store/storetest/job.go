package storetest

import (
	"fmt"
	"time"

	"github.com/tutti-ml/tutti/internal/job"
	"github.com/tutti-ml/tutti/internal/store"
)

func testJobs(f *fixture) {
	j := newJob(1, "train")
	j.Key, j.Run, j.Task, j.Label = "run/1/task/2", 1, 2, "Train"
	f.do(submit(j))
	for _, got := range []*job.Job{
		must[*job.Job](f)(f.s.Job(f.Context(), 1)),
		must[*job.Job](f)(f.s.JobByKey(f.Context(), "run/1/task/2")),
		must[*job.Job](f)(f.s.JobByName(f.Context(), "ada", "default", "train")),
	} {
		f.same("the new job", j, got)
	}
	failed := next(j, job.Failed)
	failed.Why, failed.Started, failed.Failures = "replica 1 left with 1", epoch, 1
	change := *failed
	change.Spec = nil
	f.do(submit(&change))
	f.same("the ended job, with its spec", failed, must[*job.Job](f)(f.s.Job(f.Context(), 1)))

	_, err := f.s.Job(f.Context(), 2)
	f.is(err, store.ErrNotFound)
	_, err = f.s.JobByKey(f.Context(), "none")
	f.is(err, store.ErrNotFound)
	_, err = f.s.JobByName(f.Context(), "bob", "default", "train")
	f.is(err, store.ErrNotFound)
}

func testJobVerdicts(f *fixture) {
	j := newJob(1, "a")
	j.Key = "key"
	f.do(submit(j))
	f.commit([]store.Verdict{store.Stale}, submit(j))

	sameKey := newJob(2, "b")
	sameKey.Key = "key"
	sameName := newJob(2, "a")
	f.commit([]store.Verdict{store.Conflict, store.Conflict}, submit(sameKey), submit(sameName))
	otherSpace, otherOwner := newJob(2, "a"), newJob(3, "a")
	otherSpace.Spec.Space = "other"
	otherOwner.Owner = "bob"
	f.commit([]store.Verdict{store.OK, store.OK}, submit(otherSpace), submit(otherOwner))

	running := next(j, job.Running)
	f.commit([]store.Verdict{store.Stale}, submit(next(running, job.Failed)))
	f.commit([]store.Verdict{store.Stale}, submit(next(newJob(9, "none"), job.Running)))
	f.do(submit(running))
	f.commit([]store.Verdict{store.Stale}, submit(running))

	// A run that is in time with a job that is not: neither is stored.
	u := start(1, "r")
	u.Jobs = []store.JobChange{{Job: running}}
	f.commit([]store.Verdict{store.Stale}, u)
	f.same("the run's log", 0, len(f.frames(1, 1)))
}

func testJobLists(f *fixture) {
	for id := job.ID(1); id <= 6; id++ {
		j := newJob(id, fmt.Sprint("job-", id))
		if id%2 == 0 {
			j.Owner, j.Run = "bob", 1
			j.Spec.Queue, j.Spec.Space, j.Spec.Labels = "cpu", "other", nil
		}
		f.do(submit(j))
		if id <= 2 {
			f.do(submit(next(j, job.Succeeded)))
		}
	}
	for _, c := range []struct {
		filter store.JobFilter
		want   []job.ID
	}{
		{store.JobFilter{}, []job.ID{6, 5, 4, 3, 2, 1}},
		{store.JobFilter{Limit: 2, Before: 4}, []job.ID{3, 2}},
		{store.JobFilter{Owner: "ada"}, []job.ID{5, 3, 1}},
		{store.JobFilter{Queue: "cpu"}, []job.ID{6, 4, 2}},
		{store.JobFilter{Space: "default"}, []job.ID{5, 3, 1}},
		{store.JobFilter{Name: "job-4"}, []job.ID{4}},
		{store.JobFilter{Run: 1, Limit: 1}, []job.ID{6}},
		{store.JobFilter{States: []job.State{job.Queued}}, []job.ID{6, 5, 4, 3}},
		{store.JobFilter{States: []job.State{job.Succeeded, job.Failed}}, []job.ID{2, 1}},
		{store.JobFilter{Label: [2]string{"team", "vision"}}, []job.ID{5, 3, 1}},
	} {
		got := must[[]*job.Job](f)(f.s.Jobs(f.Context(), c.filter))
		f.same(fmt.Sprintf("%+v", c.filter), c.want, jobIDs(got))
		for _, j := range got {
			if j.Spec != nil {
				f.Fatalf("job %d is listed with its spec", j.ID)
			}
		}
	}
	var open []job.ID
	f.ok(f.s.OpenJobs(f.Context(), func(j *job.Job) bool {
		if j.Spec == nil {
			f.Fatalf("open job %d has no spec", j.ID)
		}
		open = append(open, j.ID)
		return len(open) < 3
	}))
	f.same("open jobs, until told to stop", []job.ID{3, 4, 5}, open)
}

func testReplicas(f *fixture) {
	replica := func(child, rank, attempt int32, state job.State) job.Replica {
		return job.Replica{Proc: job.Proc{Job: 1, Child: child, Replica: rank, Attempt: attempt}, State: state}
	}
	j := newJob(1, "gang")
	f.do(&store.Unit{Jobs: []store.JobChange{{Job: j, Replicas: []job.Replica{
		replica(2, 0, 1, job.Queued), replica(0, 1, 1, job.Queued), replica(0, 0, 1, job.Queued),
	}}}})
	f.do(submit(newJob(2, "other")))
	exited := replica(0, 1, 1, job.Failed)
	exited.Node, exited.GPUs = "here", []int32{3}
	exited.Exit = &job.Exit{Reason: job.ReasonExit, Code: 1, Started: epoch, Ended: after(time.Second)}
	f.do(&store.Unit{Jobs: []store.JobChange{{Job: next(j, job.Running), Replicas: []job.Replica{exited, replica(1, 0, 1, job.Running)}}}})

	all := []job.Replica{replica(0, 0, 1, job.Queued), exited, replica(1, 0, 1, job.Running), replica(2, 0, 1, job.Queued)}
	for _, c := range []struct {
		filter store.ReplicaFilter
		want   []job.Replica
	}{
		{store.ReplicaFilter{Job: 1, Child: -1, After: [2]int32{-1, -1}}, all},
		{store.ReplicaFilter{Job: 1, Child: -1, After: [2]int32{-1, -1}, Limit: 2}, all[:2]},
		{store.ReplicaFilter{Job: 1, Child: -1, After: [2]int32{0, 1}}, all[2:]},
		{store.ReplicaFilter{Job: 1, Child: 0, After: [2]int32{-1, -1}}, all[:2]},
		{store.ReplicaFilter{Job: 1, Child: -1, After: [2]int32{-1, -1}, States: []job.State{job.Running, job.Failed}}, all[1:3]},
		{store.ReplicaFilter{Job: 2, Child: -1, After: [2]int32{-1, -1}}, nil},
	} {
		f.same(fmt.Sprintf("%+v", c.filter), c.want, must[[]job.Replica](f)(f.s.Replicas(f.Context(), c.filter)))
	}
}

func testRequests(f *fixture) {
	a, b := newJob(1, "a"), newJob(2, "b")
	f.commit([]store.Verdict{store.OK, store.OK}, submit(a), submit(b))
	ask := func(id job.ID, why string) {
		f.do(&store.Unit{Requests: []store.JobRequest{{Job: id, Kind: store.JobCancel, Why: why}}})
	}
	requests := func() []store.JobRequest { return must[[]store.JobRequest](f)(f.s.JobRequests(f.Context())) }
	ask(2, "enough")
	ask(1, "enough")
	ask(1, "again")
	ask(3, "no such job")
	f.same("requests, each once", []store.JobRequest{
		{Job: 1, Kind: store.JobCancel, Why: "enough"}, {Job: 2, Kind: store.JobCancel, Why: "enough"},
	}, requests())
	f.do(submit(next(a, job.Cancelled)))
	ask(1, "late")
	f.same("requests to open jobs", []store.JobRequest{{Job: 2, Kind: store.JobCancel, Why: "enough"}}, requests())

	hold := func(kind store.JobRequestKind) { f.do(&store.Unit{Requests: []store.JobRequest{{Job: 2, Kind: kind}}}) }
	cancel, suspend, resume := store.JobRequest{Job: 2, Kind: store.JobCancel, Why: "enough"}, store.JobRequest{Job: 2, Kind: store.JobSuspend}, store.JobRequest{Job: 2, Kind: store.JobResume}
	hold(store.JobSuspend)
	f.same("beside another", []store.JobRequest{cancel, suspend}, requests())
	hold(store.JobResume)
	f.same("in place of its opposite", []store.JobRequest{cancel, resume}, requests())
	b = next(b, job.Queued)
	f.do(&store.Unit{Jobs: []store.JobChange{{Job: b, Answered: []store.JobRequestKind{store.JobResume, store.JobSuspend}}}})
	f.same("without what was answered", []store.JobRequest{cancel}, requests())
	hold(store.JobSuspend)
	f.do(submit(next(b, job.Cancelled)))
	f.same("none of a job that ended", 0, len(requests()))
}
