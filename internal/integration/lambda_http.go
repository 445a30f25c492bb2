package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/value"
)

// post calls a function at an address: the payload by POST, the JSON that comes back is its result. A status other than
// 2xx, or the header that AWS Lambda's own runtime emulator sets, is an error of the function.
func (d *Deps) post(ctx context.Context, f catalog.Function, t kernel.Task, payload value.Value) run.Outcome {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL, bytes.NewReader(payload.AppendJSON(nil)))
	if err != nil {
		return functionError(errUnreachable, err.Error())
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Idempotency-Key", t.Key)
	a, err := d.HTTP.Do(q)
	if err != nil {
		return functionError(errUnreachable, fmt.Sprintf("function %q did not answer: %v", f.Name, err))
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, maxResult+1))
	switch {
	case err != nil:
		return functionError(errUnreachable, fmt.Sprintf("function %q broke off: %v", f.Name, err))
	case len(text) > maxResult:
		return functionError(errNoResult, fmt.Sprintf("the result is longer than %d bytes", maxResult))
	}
	if good := a.StatusCode/100 == 2 && a.Header.Get("X-Amz-Function-Error") == ""; good {
		return readResult(text, errNoResult)
	}
	if v, err := value.Parse(text); err == nil {
		if o, ok := ownError(v); ok {
			return o
		}
	}
	return functionError(fmt.Sprintf("HTTP.%d", a.StatusCode), fmt.Sprintf("function %q answered %s", f.Name, a.Status))
}
