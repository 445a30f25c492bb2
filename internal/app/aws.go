package app

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"time"

	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/integration/mapdata"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/server/aws/sfn"
)

// AWSCredential is a key that requests are signed with.
type AWSCredential struct {
	AccessKeyID     string `yaml:"accessKeyId"`
	SecretAccessKey File   `yaml:"secretAccessKey"`
	User            string `yaml:"user"`
	Admin           bool   `yaml:"admin"`
}

// AWSThrottle bounds the requests of each user.
type AWSThrottle struct {
	Rate  float64 `yaml:"rate"` // a second; 0: no bound
	Burst int     `yaml:"burst"`
}

var (
	awsAccount = regexp.MustCompile(`^[0-9]{12}$`)
	awsRegion  = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`)
)

// checkDoor says what in the configuration of the front door makes no sense.
func (c *AWS) checkDoor() (errs []error) {
	seen := make(map[string]bool)
	for _, k := range c.Credentials {
		if k.AccessKeyID == "" || k.User == "" || !filepath.IsAbs(k.SecretAccessKey.File) || seen[k.AccessKeyID] {
			errs = append(errs, fmt.Errorf("aws.credentials: %q: write {accessKeyId: ID, secretAccessKey: {file: /absolute/path}, user: NAME}, each id once", k.AccessKeyID))
		}
		seen[k.AccessKeyID] = true
	}
	if c.Throttle.Rate < 0 || c.Throttle.Burst < 0 {
		errs = append(errs, errors.New("aws.throttle: rate and burst are numbers from 0 on"))
	}
	return errs
}

// settled is what of the configuration takes effect at the next start.
func (c AWS) settled() AWS {
	c.Credentials, c.Throttle = nil, AWSThrottle{}
	return c
}

// setCredentials puts the credentials of a configuration into force.
func (a *App) setCredentials(c AWS) error {
	keys := make(map[string]aws.Credential, len(c.Credentials))
	for _, k := range c.Credentials {
		secret, err := k.SecretAccessKey.text()
		if err != nil {
			return fmt.Errorf("aws.credentials: %w", err)
		}
		keys[k.AccessKeyID] = aws.Credential{Secret: secret, User: k.User, Admin: k.Admin}
	}
	a.keys.Store(&keys)
	return nil
}

// awsHandler is the front door for clients of AWS.
func (a *App) awsHandler() http.Handler {
	var quotas sfn.Quotas
	if a.conf.AWS.Limits {
		quotas = sfn.AWSQuotas
	}
	return aws.New(aws.Options{
		Services: []aws.Service{sfn.New(sfn.Options{
			Store: a.store, Kernel: a.kernel, Catalog: a.catalog, Activities: a.activities, Now: time.Now, Rand: rand.Uint64,
			ReadItems: mapdata.Parse, CallHTTP: a.callHTTP, Refuse: a.refuseAWS, Express: a.express.door(), Quotas: quotas,
		})},
		MaxBody: int64(a.conf.Limits.Body),
		Limits:  a.conf.AWS.Limits,
		Callers: aws.Callers{Auth: a.auth, Credentials: func() map[string]aws.Credential { return *a.keys.Load() }, Now: time.Now},
		Origin:  auth.Origins{Hosts: a.conf.Hosts}.Check,
		Rate: func() aws.Rate {
			t := a.live.Load().AWS.Throttle
			return aws.Rate{PerSecond: t.Rate, Burst: t.Burst}
		},
		Log: a.log.With("room", "aws"),
	})
}

// refuseAWS says why no new work is taken just now.
func (a *App) refuseAWS() error {
	if p := a.disk.refuse(); p != nil {
		return aws.ErrUnavailable.With("%s", p.Detail)
	}
	return nil
}
