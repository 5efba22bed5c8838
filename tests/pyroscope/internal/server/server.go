// Package server speaks the Pyroscope server's HTTP: pushes and queries over Connect, and GET /ready. GET /pushes is its own: what
// was received, for tests to look at.
package server

import (
	"mime"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/grafana/pyroscope/api/gen/proto/go/push/v1/pushv1connect"
	"github.com/grafana/pyroscope/api/gen/proto/go/querier/v1/querierv1connect"

	"pyro.test/pyroscope/internal/contract"
	"pyro.test/pyroscope/internal/store"
)

type Config struct {
	Multitenant bool
	BasicAuth   string // user:password
	Token       string
	Prefix      string // of all paths, such as /some/path
	NoRateLimit bool
	Journal     string           // a file, or empty
	Now         func() time.Time // for tests
}

type Server struct {
	config  Config
	store   store.Store
	journal *store.Journal
	rate    *contract.Rate
	pushes  pushList
	handler http.Handler
}

func New(config Config) (*Server, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Server{config: config}
	if !config.NoRateLimit {
		s.rate = contract.NewRate()
	}
	if config.Journal != "" {
		if err := s.restore(); err != nil {
			return nil, err
		}
	}
	s.handler = s.routes()
	return s, nil
}

func (s *Server) restore() error {
	journal, entries, err := store.OpenJournal(s.config.Journal)
	if err != nil {
		return err
	}
	for _, e := range entries {
		records, err := contract.Replay(e.Tenant, e.Labels, e.Raw, e.At)
		if err != nil {
			_ = journal.Close()
			return err
		}
		s.store.Add(records)
	}
	s.journal = journal
	return nil
}

func (s *Server) routes() http.Handler {
	options := connect.WithHandlerOptions(connect.WithCodec(vtCodec{}), connect.WithReadMaxBytes(contract.MaxBodyBytes))
	mux := http.NewServeMux()
	path, handler := pushv1connect.NewPusherServiceHandler(s, options)
	mux.Handle(path, s.recorded(s.guarded(handler)))
	path, handler = querierv1connect.NewQuerierServiceHandler(&querier{Server: s}, options)
	mux.Handle(path, s.guarded(handler))
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ready\n")) })
	mux.HandleFunc("GET /pushes", s.listPushes)
	return http.StripPrefix(strings.TrimSuffix(s.config.Prefix, "/"), mux)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) Close() error {
	if s.journal == nil {
		return nil
	}
	return s.journal.Close()
}

// guarded does what stands before the services: a gateway's authentication, and the server's look at Accept, which tells what a
// client can take and must be well-formed.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.authorized(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="pyroscope"`)
			http.Error(w, "401 Unauthorized", http.StatusUnauthorized)
			return
		}
		for _, accept := range accepted(r.Header) {
			if _, _, err := mime.ParseMediaType(accept); err != nil {
				http.Error(w, "Invalid header format: "+err.Error(), http.StatusBadRequest)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func accepted(h http.Header) []string {
	var out []string
	for _, line := range h.Values("Accept") {
		if line != "" {
			out = append(out, strings.Split(line, ",")...)
		}
	}
	return out
}

// wantsAllNames tells whether the client can take label names of any UTF-8.
func wantsAllNames(h http.Header) bool {
	for _, accept := range accepted(h) {
		if _, parameters, err := mime.ParseMediaType(accept); err == nil && parameters["allow-utf8-labelnames"] == "true" {
			return true
		}
	}
	return false
}
