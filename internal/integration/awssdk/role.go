package awssdk

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/value"
)

// roles are the credentials of assumed roles while they are valid.
type roles struct {
	mu   sync.Mutex
	kept map[role]aws.Credentials // guarded by mu
}

// role is a role in the hands of an owner of runs: AWS sees who acts, and so nobody gets another's.
type role struct{ arn, owner string }

// renewal is how long before their end credentials are no longer used.
const renewal = 5 * time.Minute

// credentials are what a task's calls are signed with: the configuration's, or those of the role that the task names.
func (c *Client) credentials(ctx context.Context, t kernel.Task) (aws.Credentials, error) {
	var keys aws.Credentials
	if c.o.Config.Keys != nil {
		var err error
		if keys, err = c.o.Config.Keys(); err != nil {
			return aws.Credentials{}, &clientError{fmt.Errorf("reading the credentials of the configuration: %w", err)}
		}
	}
	arn := t.Order.Credentials.At("RoleArn")
	if arn.IsAbsent() || arn.IsNull() {
		return keys, nil
	}
	c.o.Log.Info("a task acts in a role", "owner", t.Run.Owner, "role", arn.Text(), "resource", t.Order.Resource, "run", t.Run.ID, "name", t.Run.Name)
	return c.assume(ctx, t, role{arn.Text(), t.Run.Owner}, keys)
}

// assume gives the credentials of a role.
func (c *Client) assume(ctx context.Context, t kernel.Task, who role, keys aws.Credentials) (aws.Credentials, error) {
	c.roles.mu.Lock()
	kept, ok := c.roles.kept[who]
	c.roles.mu.Unlock()
	if ok && c.o.Now().Before(kept.Expires.Add(-renewal)) {
		return kept, nil
	}
	got, err := c.assumeAnew(ctx, t, who, keys)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("assuming the role %s: %w", who.arn, err)
	}
	c.roles.mu.Lock()
	defer c.roles.mu.Unlock()
	if c.roles.kept == nil {
		c.roles.kept = map[role]aws.Credentials{}
	}
	for other, k := range c.roles.kept {
		if !c.o.Now().Before(k.Expires) {
			delete(c.roles.kept, other)
		}
	}
	c.roles.kept[who] = got
	return got, nil
}

func (c *Client) assumeAnew(ctx context.Context, t kernel.Task, who role, keys aws.Credentials) (aws.Credentials, error) {
	r, err := parse("arn:aws:states:::aws-sdk:sts:assumeRole")
	if err != nil {
		return aws.Credentials{}, err
	}
	answer, err := c.callWith(ctx, t, r, value.NewObject(
		value.Member{Name: "RoleArn", Value: value.NewString(who.arn)},
		value.Member{Name: "RoleSessionName", Value: value.NewString(sessionName(who.owner))},
	), keys)
	if err != nil {
		return aws.Credentials{}, err
	}
	got := answer.At("Credentials")
	expires, _ := parseTime(got.At("Expiration")) // none: not kept
	k := aws.Credentials{
		AccessKeyID: got.At("AccessKeyId").Text(), SecretAccessKey: got.At("SecretAccessKey").Text(),
		SessionToken: got.At("SessionToken").Text(), CanExpire: true, Expires: expires,
	}
	if !k.HasKeys() {
		return aws.Credentials{}, &clientError{fmt.Errorf("the answer has no credentials")}
	}
	return k, nil
}

// sessionName names who acts in a role, of the letters that AWS takes for it.
func sessionName(owner string) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("=,.@-_", r)) {
			return r
		}
		return '-'
	}, "tutti-"+owner)
	return name[:min(len(name), 64)]
}
