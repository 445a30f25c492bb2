package auth

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Origins are the names under which a server may be addressed. A page of another site that a user's browser shows can
// send requests to loopback, and with DNS rebinding read the answers; such requests name a foreign Host or Origin.
type Origins struct {
	// Hosts are names and addresses allowed beside loopback ones, without ports.
	Hosts []string
}

// Check refuses requests that a page of a foreign site may have sent.
func (o Origins) Check(r *http.Request) error {
	if !o.allowed(r.Host) {
		return fmt.Errorf("the Host header names %q, which is not this server", r.Host)
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" {
		return fmt.Errorf("the request comes from a page of another site")
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Host) {
		return fmt.Errorf("the Origin header names %q, which is not this server", origin)
	}
	return nil
}

func (o Origins) allowed(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
	host = strings.TrimPrefix(host, "sync-") // AWS's SDKs put it before the host for calls that wait
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsLoopback() {
		return true
	}
	for _, h := range o.Hosts {
		if strings.EqualFold(strings.Trim(h, "[]"), host) {
			return true
		}
	}
	return false
}

// Loopback reports whether a listen address such as 127.0.0.1:7070 or localhost:0 can be reached from this machine alone.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
