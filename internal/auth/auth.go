// Package auth says who calls and what they may do.
//
// On a machine that people share, loopback is no boundary: any user can connect. So a local caller is known by the uid
// of the process at the other end: the kernel tells it for a Unix socket (SO_PEERCRED), and the socket table does for
// loopback TCP. The server's own uid and root need nothing more, and may do everything. Everyone else, local or remote,
// presents a token, and may see, start and stop what belongs to the token's user.
//
// The package must not know runs, jobs or HTTP routes: it maps a request to a Caller, and a Caller and an owner to yes
// or no.
package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"strings"
	"sync/atomic"
)

// Caller is who a request comes from.
type Caller struct {
	Owner string // user name, or uid:N where the uid has none; runs, jobs and objects are stored under it
	Admin bool   // sees, stops and starts everything
}

// May reports whether c may see and stop what belongs to owner.
func (c Caller) May(owner string) bool { return c.Admin || c.Owner == owner }

// Scope is the owner that lists are to be narrowed to: the caller's own name or, for an admin, what was asked for.
func (c Caller) Scope(asked string) string {
	if c.Admin {
		return asked
	}
	return c.Owner
}

// Token lets a user in from anywhere. Only the digest of its text is kept.
type Token struct {
	Name   string `yaml:"name"`   // for people: which token to take away
	SHA256 string `yaml:"sha256"` // hexadecimal, of the token's text
	User   string `yaml:"user"`
	Admin  bool   `yaml:"admin"`
}

// Digest is what a Token keeps of its text.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Check says what is wrong with a token's configuration.
func (t Token) Check() error {
	if sum, err := hex.DecodeString(t.SHA256); err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("token %q: sha256 must be %d hexadecimal digits: make one with 'tutti token'", t.Name, 2*sha256.Size)
	}
	if t.User == "" {
		return fmt.Errorf("token %q: user is missing: say whose it is", t.Name)
	}
	return nil
}

// Errors of Caller, told apart with errors.Is.
var (
	ErrNoToken  = errors.New("a token is needed")
	ErrBadToken = errors.New("the token is unknown")
)

// Authenticator knows callers.
type Authenticator struct {
	self   int // the server's uid
	log    *slog.Logger
	tokens atomic.Pointer[map[string]Token] // by digest
}

// New returns an authenticator for a server that runs as uid self.
func New(self int, tokens []Token, log *slog.Logger) *Authenticator {
	a := &Authenticator{self: self, log: log}
	a.SetTokens(tokens)
	return a
}

// SetTokens replaces the tokens for the requests to come.
func (a *Authenticator) SetTokens(tokens []Token) {
	m := make(map[string]Token, len(tokens))
	for _, t := range tokens {
		m[strings.ToLower(t.SHA256)] = t
	}
	a.tokens.Store(&m)
}

// Caller says who sent r. The request's connection must have gone through ConnContext.
func (a *Authenticator) Caller(r *http.Request) (Caller, error) {
	// The digest, not the text, is looked up: how long that takes tells nothing about the text of any token.
	if text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		t, ok := (*a.tokens.Load())[Digest(strings.TrimSpace(text))]
		if !ok {
			return Caller{}, ErrBadToken
		}
		return Caller{Owner: t.User, Admin: t.Admin}, nil
	}
	p, _ := r.Context().Value(peerKey{}).(*peer)
	if p == nil {
		return Caller{}, ErrNoToken
	}
	uid, err := p.uid()
	if err != nil {
		a.log.Debug("the caller's uid is not known", "remote", r.RemoteAddr, "error", err)
		return Caller{}, ErrNoToken
	}
	if uid != a.self && uid != 0 {
		return Caller{}, ErrNoToken
	}
	return Caller{Owner: OwnerOf(uid), Admin: true}, nil
}

// OwnerOf is the name under which things of a local uid are stored.
func OwnerOf(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid:%d", uid)
}

type callerKey struct{}

// With returns a context that says who calls.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Known is the caller of With; ok is false where there is none.
func Known(ctx context.Context) (c Caller, ok bool) {
	c, ok = ctx.Value(callerKey{}).(Caller)
	return c, ok
}

// From is the caller of With. It panics where there is none: a request got past the door unasked.
func From(ctx context.Context) Caller { return ctx.Value(callerKey{}).(Caller) }

type peerKey struct{}

// ConnContext is for http.Server: it remembers the connection that a request came over.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if u, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = u.NetConn()
	}
	return context.WithValue(ctx, peerKey{}, newPeer(c))
}
