package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"golang.org/x/sync/errgroup"
)

const onePass = `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`

// clients is how many connections ask at once.
const clients = 32

// api measures the Step Functions API over HTTP: executions begun, durable when they are answered, and Express executions
// carried out within the request.
func api(b *bench) error {
	s, err := serve(b.ctx, b.dir)
	if err != nil {
		return err
	}
	defer s.kill()
	c, err := s.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	standard, err := c.machine("standard", "STANDARD", onePass)
	if err != nil {
		return err
	}
	express, err := c.machine("express", "EXPRESS", onePass)
	if err != nil {
		return err
	}
	start := func(action, machine string) func() (func() error, error) {
		body := fmt.Sprintf(`{"stateMachineArn":%q,"input":"{\"n\":1,\"text\":\"some forty bytes of payload here\"}"}`, machine)
		return func() (func() error, error) {
			c, err := s.dial()
			return func() error { _, err := c.call(action, body); return err }, err
		}
	}
	sdk := func() (func() error, error) {
		// The SDK puts sync- before the name of the host, which then nobody knows.
		dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.addr)
		}
		client := sfn.New(sfn.Options{
			Region: "us-east-1", BaseEndpoint: awssdk.String("http://localhost"), HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}},
			Credentials: credentials.NewStaticCredentialsProvider("BENCH", "bench", ""),
		})
		in := &sfn.StartSyncExecutionInput{StateMachineArn: &express, Input: awssdk.String(`{"n":1}`)}
		return func() error { _, err := client.StartSyncExecution(context.Background(), in); return err }, nil
	}
	for _, v := range []struct {
		name       string
		calls      int
		rate, cost float64
		client     func() (func() error, error)
	}{
		{"StartExecution", 40_000, 5000, 0, start("StartExecution", standard)},
		{"StartSyncExecution", 40_000, 0, 100, start("StartSyncExecution", express)},
		{"StartSyncExecution, the SDK's clients", 20_000, 0, 100, sdk},
	} {
		if err := s.load(b, v.name, v.calls, v.rate, v.cost, v.client); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	return s.close()
}

// load has all clients call, each one call after another, until calls were made.
func (s *server) load(b *bench, name string, calls int, rate, cost float64, client func() (func() error, error)) error {
	each := b.n(calls) / clients
	took := make([][]time.Duration, clients)
	var group errgroup.Group
	before, _, err := processTimes(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	began := time.Now()
	for i := range took {
		group.Go(func() error {
			call, err := client()
			if err != nil {
				return err
			}
			for range each {
				began := time.Now()
				if err := call(); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(began))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	all := slices.Concat(took...)
	b.add(row{Bench: "api " + name, Metric: "requests of 32 clients", Value: float64(len(all)) / time.Since(began).Seconds(), Unit: "/s", Target: rate, Bound: boundHash})
	after, _, err := processTimes(s.cmd.Process.Pid)
	if err != nil {
		return err
	}
	p99 := row{Bench: "api " + name, Metric: "p99", Value: percentile(all, 99), Unit: "ms", Lower: true, Bound: boundSync}
	if rate != 0 {
		p99.Target = 50
	}
	b.add(p99)
	b.add(row{Bench: "api " + name, Metric: "processor time of the server, a request", Value: float64((after - before).Microseconds()) / float64(len(all)), Unit: "µs", Target: cost, Lower: true})
	return nil
}
