package store

import (
	"encoding/json"

	"github.com/tutti-ml/tutti/internal/job"
)

// JobEvent is the data of a Change of SubjectJob.
type JobEvent struct {
	job.Job                // without Spec
	Replicas []job.Replica `json:"replicas,omitempty"` // those that changed
}

// ObjectEvent is the data of a Change of SubjectObject.
type ObjectEvent struct {
	Kind    string `json:"kind"`
	Space   string `json:"namespace,omitempty"`
	Name    string `json:"name"`
	Version int64  `json:"version"`
	Deleted bool   `json:"deleted,omitempty"`
}

// Encode gives the JSON of c's job without its Spec, and what the feed says of c: a JobEvent.
func (c JobChange) Encode() (row, event []byte, err error) {
	j := *c.Job
	j.Spec = nil
	if row, err = json.Marshal(&j); err != nil || len(c.Replicas) == 0 {
		return row, row, err
	}
	event, err = json.Marshal(JobEvent{Job: j, Replicas: c.Replicas})
	return row, event, err
}

// Event encodes what the feed says of c.
func (c ObjectChange) Event() ([]byte, error) {
	o := c.Object
	return json.Marshal(ObjectEvent{o.Kind, o.Space, o.Name, o.Version, o.Deleted})
}
