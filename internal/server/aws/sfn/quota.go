package sfn

import (
	"context"
	"time"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/server/aws"
)

// Quotas are how many of something there may be; 0: as many as one likes.
type Quotas struct {
	Machines   int // state machines of the server
	Activities int // of the server
	Versions   int // published, of a state machine
	Aliases    int // of a state machine
	Pollers    int // workers who wait for tasks of one activity

	// When an execution can still be redriven: while its history has fewer events, until so long after it started, and
	// until so long after it ended.
	Events     uint64
	Open       time.Duration
	Redrivable time.Duration
}

// AWSQuotas are those of Step Functions ("Service quotas" in its developer guide).
var AWSQuotas = Quotas{
	Machines: 100_000, Activities: 100_000, Versions: 1000, Aliases: 100, Pollers: 1000,
	Events: asl.AWSLimits.Events, Open: 365 * 24 * time.Hour, Redrivable: 14 * 24 * time.Hour,
}

// room is full where there are most objects of a kind in a space already, whoever they belong to.
func (s *service) room(ctx context.Context, kind catalog.Kind, space string, most int, full *aws.Error) error {
	if most == 0 {
		return nil
	}
	all, err := s.Catalog.List(ctx, catalog.Caller{Admin: true}, kind, space)
	if err == nil && len(all) >= most {
		err = full
	}
	return err
}
