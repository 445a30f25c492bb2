// Package server is the door: it listens on TCP and on a Unix socket, refuses what comes from foreign pages, finds out
// who calls, and passes requests on to the API. /healthz says whether everything runs, /metrics how it is doing; pprof is
// behind the Unix socket alone.
//
// What the operations do is api's; what is healthy is told by app.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/tutti-ml/tutti/client"
	"github.com/tutti-ml/tutti/internal/auth"
	"github.com/tutti-ml/tutti/internal/server/api"
)

// Options are what a Server needs.
type Options struct {
	Listen   string      // HOST:PORT
	TLS      *tls.Config // nil: plain HTTP
	Socket   string      // path of the Unix socket
	Hosts    []string    // names of this server beside loopback's
	Auth     *auth.Authenticator
	Register func(*http.ServeMux) // adds the operations
	AWS      http.Handler         // takes POST /, from whoever may call: it finds that out itself
	Metrics  prometheus.Gatherer
	// Healthy gives what does not run; empty: ready.
	Healthy func() string
	Log     *slog.Logger
}

// Server is a server that listens.
type Server struct {
	o         Options
	tcp, unix net.Listener
	http      [2]*http.Server // of tcp and unix
}

// Listen opens the addresses; requests wait until Serve.
func Listen(o Options) (*Server, error) {
	s := &Server{o: o}
	mux := http.NewServeMux()
	o.Register(mux)
	mux.HandleFunc("/", nothing)
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	s.http[0] = s.server(s.door(s.aws(s.fromHere(s.known(mux)))))
	s.http[1] = s.server(s.door(s.aws(s.known(withProfiles(mux)))))

	var err error
	if s.tcp, err = net.Listen("tcp", o.Listen); err != nil {
		return nil, fmt.Errorf("listening on %s: %w; choose another address with --listen", o.Listen, err)
	}
	if s.unix, err = listenUnix(o.Socket); err != nil {
		s.tcp.Close()
		return nil, fmt.Errorf("listening on %s: %w", o.Socket, err)
	}
	if o.TLS != nil {
		s.tcp = tls.NewListener(s.tcp, o.TLS)
	}
	return s, nil
}

// listenUnix listens on a path. Whoever holds the store's lock owns the directory: a socket that lies there is a dead
// server's. Who may do what is told by the credentials of the other end, not by the socket's mode.
func listenUnix(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Addr is the TCP address.
func (s *Server) Addr() net.Addr { return s.tcp.Addr() }

// Serve answers requests until Shutdown.
func (s *Server) Serve() error {
	var both errgroup.Group
	for i, l := range []net.Listener{s.tcp, s.unix} {
		both.Go(func() error {
			if err := s.http[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	return both.Wait()
}

// Shutdown takes no more requests and waits for those under way until ctx is done.
func (s *Server) Shutdown(ctx context.Context) {
	for _, h := range s.http {
		if err := h.Shutdown(ctx); err != nil {
			h.Close()
		}
	}
}

func (s *Server) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ConnContext:       auth.ConnContext,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
}

// withProfiles adds pprof for admins.
func withProfiles(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	for path, h := range map[string]http.HandlerFunc{
		"":        pprof.Index,
		"cmdline": pprof.Cmdline,
		"profile": pprof.Profile,
		"symbol":  pprof.Symbol,
		"trace":   pprof.Trace,
	} {
		mux.HandleFunc("/debug/pprof/"+path, func(w http.ResponseWriter, r *http.Request) {
			if !auth.From(r.Context()).Admin {
				api.WriteProblem(w, client.Problem{
					Status: http.StatusForbidden, Detail: "profiles are for admins", Remedy: "Ask the server's owner.",
				})
				return
			}
			h(w, r)
		})
	}
	return mux
}

// door is what needs no name: the health of the server.
func (s *Server) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		if why := s.o.Healthy(); why != "" {
			http.Error(w, why, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
}

// nothing answers where nothing is.
func nothing(w http.ResponseWriter, r *http.Request) {
	api.WriteProblem(w, client.Problem{
		Status: http.StatusNotFound, Detail: "there is nothing for " + r.Method + " at " + r.URL.Path,
		Remedy: "/api/openapi.json describes /api/v1; clients of AWS send POST / with X-Amz-Target.",
	})
}

// aws passes on what clients of AWS send.
func (s *Server) aws(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/" {
			s.o.AWS.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fromHere refuses requests that a page of a foreign site may have sent. Browsers cannot reach the Unix socket.
func (s *Server) fromHere(next http.Handler) http.Handler {
	origins := auth.Origins{Hosts: s.o.Hosts}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := origins.Check(r); err != nil {
			api.WriteProblem(w, client.Problem{
				Status: http.StatusForbidden, Detail: "refused: " + err.Error(),
				Remedy: "Address the server as localhost, or add its name under hosts in its configuration.",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// known finds out who calls.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := s.o.Auth.Caller(r)
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			api.WriteProblem(w, client.Problem{
				Status: http.StatusUnauthorized, Detail: "refused: " + err.Error(),
				Remedy: "Ask the server's owner for a token ('tutti token' makes one) and set TUTTI_TOKEN to it.",
			})
			return
		}
		next.ServeHTTP(w, r.WithContext(auth.With(r.Context(), caller)))
	})
}
