package app

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/integration/awssdk"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws/sfn"
	"github.com/tutti-ml/tutti/internal/store"
	"github.com/tutti-ml/tutti/internal/uuid"
)

// callHTTP does an http:invoke task that belongs to no run, for owner, and tells what went over the wire: what the
// connection put on the request only if it is to be revealed.
func (a *App) callHTTP(ctx context.Context, owner string, order run.StartTask, reveal bool) (run.Outcome, sfn.HTTPExchange) {
	task := kernel.Task{Run: &store.Run{Owner: owner, Name: "test-state"}, Order: order, Key: uuid.New()}
	in := a.aws.Find(order.Resource)
	if c, ok := in.(kernel.Checker); ok {
		no, err := c.Check(ctx, task)
		if err != nil {
			return run.Fail(run.ErrInternal, err.Error()), sfn.HTTPExchange{}
		}
		if no != nil {
			return run.Outcome{Failure: no}, sfn.HTTPExchange{}
		}
	}
	doer, ok := in.(kernel.Doer)
	if !ok {
		return run.Fail("States.Runtime", "The resource "+strconv.Quote(order.Resource)+" is not known here."), sfn.HTTPExchange{}
	}
	var x awssdk.Exchange
	o := doer.Do(awssdk.WithExchange(ctx, &x), task, func() {})
	return o, shownExchange(&x, reveal)
}

func shownExchange(x *awssdk.Exchange, reveal bool) (shown sfn.HTTPExchange) {
	q := x.Plain
	if reveal && x.Sent != nil {
		q = x.Sent
	}
	if q != nil {
		shown.Request = sfn.HTTPMessage{
			Protocol: q.URL.Scheme, Method: q.Method, URL: q.URL.String(), Headers: shownHeaders(q.Header), Body: string(x.RequestBody),
		}
	}
	if r := x.Answer; r != nil {
		shown.Response = sfn.HTTPMessage{
			Protocol: r.Request.URL.Scheme, StatusCode: strconv.Itoa(r.StatusCode), StatusMessage: http.StatusText(r.StatusCode),
			Headers: shownHeaders(r.Header), Body: string(x.AnswerBody),
		}
	}
	return shown
}

func shownHeaders(h http.Header) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		list = append(list, name+": "+strings.Join(h[name], ", "))
	}
	return "[" + strings.Join(list, ", ") + "]"
}
