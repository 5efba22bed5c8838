package server

import (
	"crypto/subtle"
	"net/http"
	"strings"
)

// authorized is true for all who know the user and password, or the token. The real server has no such thing: a gateway does.
func (s *Server) authorized(r *http.Request) bool {
	if s.config.BasicAuth == "" && s.config.Token == "" {
		return true
	}
	if user, password, ok := r.BasicAuth(); ok && s.config.BasicAuth != "" && same(user+":"+password, s.config.BasicAuth) {
		return true
	}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return bearer && s.config.Token != "" && same(token, s.config.Token)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
