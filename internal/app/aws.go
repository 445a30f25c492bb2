package app

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/server/aws/sfn"
)

// awsHandler is the front door for clients of AWS.
func (a *App) awsHandler() http.Handler {
	return aws.New(aws.Options{
		Services: []aws.Service{sfn.New(sfn.Options{
			Store: a.store, Kernel: a.kernel, Catalog: a.catalog, Activities: a.activities, Now: time.Now, Rand: rand.Uint64, Refuse: a.refuseAWS,
		})},
		MaxBody: int64(a.conf.Limits.Body),
		Log:     a.log.With("room", "aws"),
	})
}

// refuseAWS says why no new work is taken just now.
func (a *App) refuseAWS() error {
	if p := a.disk.refuse(); p != nil {
		return aws.ErrUnavailable.With("%s", p.Detail)
	}
	return nil
}
