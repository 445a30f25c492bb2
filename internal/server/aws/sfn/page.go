package sfn

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

const defaultPage = 100

// page is the part of a list that a request asks for.
type page struct {
	subject string // what the list is of; a token of another is no good
	after   string // where the part before it ended; empty: the first
	limit   int
}

// readPage reads maxResults and nextToken. The subject says what is listed, in what order.
func readPage(in value.Value, subject ...string) (page, error) {
	p := page{subject: strings.Join(subject, "\x00"), limit: defaultPage}
	if n, ok := in.At("maxResults").Int64(); ok && n > 0 {
		p.limit = int(n)
	}
	token := in.At("nextToken").Text()
	if token == "" {
		return p, nil
	}
	data, err := base64.URLEncoding.DecodeString(token)
	if err == nil && len(data) > tokenSum {
		if p.after = string(data[tokenSum:]); p.sum() == string(data[:tokenSum]) {
			return p, nil
		}
	}
	return page{}, errInvalidToken.of("Invalid token")
}

// tokenSum is the length of what in a token ties it to its list.
const tokenSum = 12

func (p page) sum() string {
	sum := sha256.Sum256([]byte(p.subject + "\x00\x00" + p.after))
	return string(sum[:tokenSum])
}

// next is the member nextToken of an answer after whose last element the list goes on.
func (p page) next(after string) value.Member {
	p.after = after
	return text("nextToken", base64.URLEncoding.EncodeToString([]byte(p.sum()+after)))
}

// list is an answer whose member name holds the page. all is what comes after the pages before, at least one more than
// the page has room for where there is one; show gives the place of one in the list, and how it is shown.
func list[T any](p page, name string, all []T, show func(T) (place string, v value.Value)) value.Value {
	more := len(all) > p.limit
	if more {
		all = all[:p.limit]
	}
	shown := make([]value.Value, len(all))
	last := ""
	for i, one := range all {
		last, shown[i] = show(one)
	}
	out := object(of(name, value.NewArray(shown...)))
	if more {
		next := p.next(last)
		out = out.With(next.Name, next.Value)
	}
	return out
}

// number is after as a number; 0 for the first page.
func (p page) number() int64 {
	n, _ := strconv.ParseInt(p.after, 10, 64) // ours, or empty
	return n
}
