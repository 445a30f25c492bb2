package aws

import (
	"net/http"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/auth"
)

// Callers finds out who sends requests: the user of the credential that one is signed with, or else, as everywhere, the
// holder of a token or a local user. Without credentials a signature says nothing, and is not looked at.
type Callers struct {
	Auth *auth.Authenticator
	// Credentials are those that are configured just now, by access key.
	Credentials func() map[string]Credential
	Now         func() time.Time
}

// caller is who sent r, whose body is body, to a service.
func (c Callers) caller(r *http.Request, body []byte, service string) (auth.Caller, error) {
	credentials := c.Credentials()
	header := r.Header.Get("Authorization")
	if len(credentials) > 0 && strings.HasPrefix(header, algorithm) {
		s, err := parseSignature(header)
		if err != nil {
			return auth.Caller{}, err
		}
		k, ok := credentials[s.accessKey]
		if !ok {
			return auth.Caller{}, ErrUnrecognizedClient
		}
		return auth.Caller{Owner: k.User, Admin: k.Admin}, s.verify(r, body, k.Secret, service, c.Now())
	}
	who, err := c.Auth.Caller(r)
	switch {
	case err == nil:
		return who, nil
	case header != "":
		return auth.Caller{}, ErrUnrecognizedClient
	}
	return auth.Caller{}, ErrNoToken
}
