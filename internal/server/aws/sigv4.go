package aws

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// algorithm is the scheme of AWS's signatures, version 4.
const algorithm = "AWS4-HMAC-SHA256"

const (
	stampForm = "20060102T150405Z"
	// maxSkew is how far a signature's time may be from ours.
	maxSkew = 5 * time.Minute
)

// Credential is a key that requests are signed with, and whose it is.
type Credential struct {
	Secret string
	User   string
	Admin  bool
}

// signature is an Authorization header taken apart.
type signature struct {
	accessKey string
	scope     [3]string // date, region and service
	headers   []string  // that were signed, in order
	sum       string    // hexadecimal
}

// parseSignature reads Authorization: AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request,
// SignedHeaders=a;b, Signature=…
func parseSignature(header string) (signature, error) {
	fields := make(map[string]string)
	for part := range strings.SplitSeq(strings.TrimPrefix(header, algorithm), ",") {
		name, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = v
	}
	var missing []string
	for _, name := range [...]string{"Credential", "Signature", "SignedHeaders"} {
		if fields[name] == "" {
			missing = append(missing, "Authorization header requires '"+name+"' parameter.")
		}
	}
	if len(missing) > 0 {
		return signature{}, ErrIncompleteSignature.With("%s Authorization=%s", strings.Join(missing, " "), algorithm)
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return signature{}, ErrIncompleteSignature.With(
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", fields["Credential"])
	}
	return signature{scope[0], [3]string(scope[1:4]), strings.Split(fields["SignedHeaders"], ";"), fields["Signature"]}, nil
}

// verify holds a request, whose body is body, against its signature with the secret that belongs to its access key.
func (s signature) verify(r *http.Request, body []byte, secret, service string, now time.Time) error {
	stamp := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(stampForm, stamp)
	switch {
	case err != nil:
		return ErrIncompleteSignature.With("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	case s.scope[0] != stamp[:8]:
		return ErrInvalidSignature.With("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			s.scope[0], stamp[:8], stamp)
	case s.scope[2] != service:
		return ErrInvalidSignature.With("Credential should be scoped to correct service: '%s'.", service)
	case !slices.Contains(s.headers, "host"):
		return ErrInvalidSignature.With("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	case now.Sub(at) > maxSkew:
		return ErrInvalidSignature.With("Signature expired: %s is now earlier than %s (%s - 5 min.)",
			stamp, now.Add(-maxSkew).UTC().Format(stampForm), now.UTC().Format(stampForm))
	case at.Sub(now) > maxSkew:
		return ErrInvalidSignature.With("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			stamp, now.Add(maxSkew).UTC().Format(stampForm), now.UTC().Format(stampForm))
	}
	sum, err := hex.DecodeString(s.sum)
	if err != nil || !hmac.Equal(sum, s.compute(canonical(r, body, s.headers), stamp, secret)) {
		return ErrInvalidSignature.With("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// compute is the signature of a canonical request.
func (s signature) compute(request, stamp, secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range s.scope {
		key = mac(key, part)
	}
	key = mac(key, "aws4_request")
	text := algorithm + "\n" + stamp + "\n" + strings.Join(s.scope[:], "/") + "/aws4_request\n" + hexSum([]byte(request))
	return mac(key, text)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// canonical is a request in the form that is signed ("Create a signed AWS API request" in the IAM user guide).
func canonical(r *http.Request, body []byte, signed []string) string {
	var b strings.Builder
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	b.WriteString(r.Method + "\n" + path + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + canonicalHeader(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + hexSum(body))
	return b.String()
}

func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

func canonicalQuery(q url.Values) string {
	// Encode sorts by name and escapes as RFC 3986 has it, but for blanks.
	for _, values := range q {
		slices.Sort(values)
	}
	return strings.ReplaceAll(q.Encode(), "+", "%20")
}
