package awssdk

import (
	"context"
	"io"
	"net/http"
)

// Exchange is what a task of http:invoke sent and got, for whoever asked to see it. What did not happen is nil.
type Exchange struct {
	Plain       *http.Request // without what the connection puts on it
	Sent        *http.Request
	RequestBody []byte
	Answer      *http.Response // its body is AnswerBody
	AnswerBody  []byte
}

type exchangeKey struct{}

// WithExchange has the http:invoke task that is done with ctx note its exchange in x.
func WithExchange(ctx context.Context, x *Exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

// exchangeOf is where the exchange is to be noted; where nobody asked to see it, one that is thrown away.
func exchangeOf(ctx context.Context) *Exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*Exchange); ok {
		return x
	}
	return &Exchange{}
}

// requestBody is the body of a request that httpRequest made.
func requestBody(q *http.Request) []byte {
	if q.GetBody == nil {
		return nil
	}
	r, err := q.GetBody()
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(r) // it is in memory
	return body
}
