package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pyro.test/pyroscope/internal/contract"
	"pyro.test/pyroscope/internal/series"
)

// PushRecord is one request to the push service, whatever came of it.
type PushRecord struct {
	Time          time.Time         `json:"time"`
	Status        int               `json:"status"`
	Code          string            `json:"code,omitempty"` // Connect's, of an error
	Error         string            `json:"error,omitempty"`
	Protocol      string            `json:"protocol"`
	Remote        string            `json:"remote"` // address and port, so that connections can be counted
	Tenant        string            `json:"tenant,omitempty"`
	Authorization bool              `json:"authorization"`
	Headers       map[string]string `json:"headers"` // without what Authorization said
	ContentLength int64             `json:"contentLength"`
	WireBytes     int64             `json:"wireBytes"` // of the body that were read
	Profiles      []ProfileRecord   `json:"profiles"`
}

// ProfileRecord is one raw_profile of a push.
type ProfileRecord struct {
	Outcome string            `json:"outcome"` // stored, dropped, refused or unparsable
	Error   string            `json:"error,omitempty"`
	Strict  string            `json:"strict,omitempty"` // what the official parser complains of, which the server itself lets pass
	ID      string            `json:"id,omitempty"`
	Labels  map[string]string `json:"labels"` // of the series, as pushed
	Bytes   int               `json:"rawBytes"`
	contract.Facts
	Series []SeriesRecord `json:"series"` // that were made of it, each once a sample type
}

type SeriesRecord struct {
	Type   string            `json:"type"`
	Labels map[string]string `json:"labels"` // without those that begin with __
	Stacks int               `json:"stacks"`
	Sum    int64             `json:"sum"`
}

type pushList struct {
	mutex sync.Mutex
	list  []*PushRecord
}

// Pushes gives all requests that were answered so far, in the order of the answers.
func (s *Server) Pushes() []*PushRecord {
	s.pushes.mutex.Lock()
	defer s.pushes.mutex.Unlock()
	return slices.Clone(s.pushes.list)
}

func (s *Server) listPushes(w http.ResponseWriter, _ *http.Request) {
	list := s.Pushes()
	if list == nil {
		list = []*PushRecord{}
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	_ = encoder.Encode(list)
}

type recordKey struct{}

// recordOf is the record that the request of a context fills in.
func recordOf(ctx context.Context) *PushRecord {
	record, ok := ctx.Value(recordKey{}).(*PushRecord)
	if !ok {
		return &PushRecord{}
	}
	return record
}

func (p *PushRecord) add(tenant string, results []*contract.Result) {
	p.Tenant = tenant
	for _, r := range results {
		profile := ProfileRecord{
			Outcome: r.Outcome, Error: text(r.Err), Strict: text(r.Strict), ID: r.ID,
			Labels: asMap(r.Labels), Bytes: len(r.Raw), Facts: r.Facts, Series: []SeriesRecord{},
		}
		for _, record := range r.Records {
			labels := asMap(record.Labels)
			maps.DeleteFunc(labels, func(name, _ string) bool { return strings.HasPrefix(name, "__") })
			profile.Series = append(profile.Series, SeriesRecord{
				Type: record.Labels.Get(series.ProfileType), Labels: labels, Stacks: len(record.Stacks), Sum: record.Total(),
			})
		}
		p.Profiles = append(p.Profiles, profile)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func asMap(ls series.Labels) map[string]string {
	out := map[string]string{}
	for _, l := range ls {
		out[l.Name] = l.Value
	}
	return out
}

// recorded notes each request before its answer is complete, so that a client that has the answer finds it in the list.
func (s *Server) recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record := &PushRecord{
			Time: s.config.Now(), Protocol: r.Proto, Remote: r.RemoteAddr, Headers: headers(r.Header), ContentLength: r.ContentLength,
			Authorization: r.Header.Get("Authorization") != "", Profiles: []ProfileRecord{},
		}
		body := &countedBody{ReadCloser: r.Body, read: &record.WireBytes}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, record))
		r.Body = body
		answer := &keptAnswer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		record.Status = answer.status
		if answer.status != http.StatusOK {
			record.Code, record.Error = answer.failure()
		}
		s.pushes.mutex.Lock()
		s.pushes.list = append(s.pushes.list, record)
		s.pushes.mutex.Unlock()
		answer.send()
	})
}

func headers(h http.Header) map[string]string {
	out := map[string]string{}
	for name, values := range h {
		if name != "Authorization" {
			out[name] = strings.Join(values, ", ")
		}
	}
	return out
}

type countedBody struct {
	io.ReadCloser
	read *int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	*b.read += int64(n)
	return n, err
}

// keptAnswer holds an answer back until it was recorded. Answers to pushes are empty or short.
type keptAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *keptAnswer) WriteHeader(status int)            { a.status = status }
func (a *keptAnswer) Write(p []byte) (n int, err error) { return a.body.Write(p) }

func (a *keptAnswer) send() {
	a.ResponseWriter.WriteHeader(a.status)
	_, _ = a.ResponseWriter.Write(a.body.Bytes())
}

// failure reads code and message of an error's body, or takes the body as the message.
func (a *keptAnswer) failure() (code, message string) {
	plain := a.body.Bytes()
	if a.Header().Get("Content-Encoding") == "gzip" {
		if r, err := gzip.NewReader(bytes.NewReader(plain)); err == nil {
			plain, _ = io.ReadAll(r)
		}
	}
	var body struct{ Code, Message string }
	if err := json.Unmarshal(plain, &body); err != nil {
		return "", strings.TrimSpace(string(plain))
	}
	return body.Code, body.Message
}
