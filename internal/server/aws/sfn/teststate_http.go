package sfn

import (
	"context"

	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

const httpInvoke = "arn:aws:states:::http:invoke"

// HTTPExchange is what an http:invoke task sent and got. A part that did not happen is empty.
type HTTPExchange struct {
	Request, Response HTTPMessage
}

// HTTPMessage is a request or a response, as TestState shows it.
type HTTPMessage struct {
	Protocol      string // http or https
	Method        string // of a request
	URL           string
	StatusCode    string // of a response: 200
	StatusMessage string // OK
	Headers       string // [name: value, name: value]
	Body          string
}

// callHTTP carries an http:invoke task out, with all that goes over the wire to be seen.
func (t *stateTest) callHTTP(ctx context.Context, order *run.StartTask) run.Outcome {
	ctx, cancel := context.WithTimeout(ctx, maxTest)
	defer cancel()
	o, x := t.CallHTTP(ctx, by(ctx).Owner, *order, t.in.At("revealSecrets").Bool())
	t.exchange = &x
	if ctx.Err() != nil {
		return run.Fail("States.Timeout", "")
	}
	return o
}

func (x *HTTPExchange) members() []value.Member {
	return []value.Member{x.Request.member("request"), x.Response.member("response")}
}

// member is the message, left out where there was none.
func (m HTTPMessage) member(name string) value.Member {
	if m == (HTTPMessage{}) {
		return value.Member{Name: name}
	}
	return of(name, object(
		words("protocol", m.Protocol), words("method", m.Method), words("url", m.URL), words("statusCode", m.StatusCode),
		words("statusMessage", m.StatusMessage), words("headers", m.Headers), words("body", m.Body)))
}
