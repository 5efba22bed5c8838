package server

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect"
)

const (
	tenantHeader  = "X-Scope-OrgID"
	defaultTenant = "anonymous"
)

// tenants reads who is asking. Queries can name many, with | between.
func (s *Server) tenants(h http.Header) ([]string, error) {
	if !s.config.Multitenant {
		return []string{defaultTenant}, nil
	}
	header := h.Get(tenantHeader)
	if header == "" {
		return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("no org id"))
	}
	out := strings.Split(header, "|")
	for _, tenant := range out {
		if err := checkTenant(tenant); err != nil {
			return nil, connect.NewError(connect.CodeUnauthenticated, err)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func (s *Server) tenant(h http.Header) (string, error) {
	all, err := s.tenants(h)
	if err != nil {
		return "", err
	}
	if len(all) > 1 {
		return "", connect.NewError(connect.CodeUnauthenticated, errors.New("multiple org IDs present"))
	}
	return all[0], nil
}

func checkTenant(tenant string) error {
	switch {
	case tenant == "" || tenant == "." || tenant == "..":
		return errors.New("tenant ID is '.', '..' or empty")
	case len(tenant) > 150:
		return errors.New("tenant ID is too long: max 150 characters")
	}
	for _, c := range tenant {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!-_.*'()", c) {
			return fmt.Errorf("tenant ID '%s' contains unsupported character '%c'", tenant, c)
		}
	}
	return nil
}
