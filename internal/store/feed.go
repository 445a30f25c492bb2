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

// Event encodes what the feed says of c.
func (c JobChange) Event() ([]byte, error) {
	e := JobEvent{Job: *c.Job, Replicas: c.Replicas}
	e.Spec = nil
	return json.Marshal(e)
}

// Event encodes what the feed says of c.
func (c ObjectChange) Event() ([]byte, error) {
	o := c.Object
	return json.Marshal(ObjectEvent{o.Kind, o.Space, o.Name, o.Version, o.Deleted})
}
