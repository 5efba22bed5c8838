package contract

import (
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"github.com/google/pprof/profile"
	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"
	pushv1 "github.com/grafana/pyroscope/api/gen/proto/go/push/v1"

	"pyro.test/pyroscope/internal/series"
)

// What became of a profile.
const (
	Stored     = "stored"
	Dropped    = "dropped" // without a word: nothing in it counts
	Refused    = "refused"
	Unparsable = "unparsable"
)

// Result is one raw_profile of a push and what became of it.
type Result struct {
	Labels  series.Labels // of its series, as pushed
	ID      string
	Raw     []byte
	Facts   Facts
	Strict  error // what github.com/google/pprof says, which is stricter than the server
	Outcome string
	Err     error
	Records []series.Record

	profile *profilev1.Profile
}

// Push decides about all profiles of a request, each for itself, and gives the request's answer. Without a rate there is no limit.
func Push(tenant string, request *pushv1.PushRequest, rate *Rate, now time.Time) ([]*Result, error) {
	var results []*Result
	var failed failures
	bytes, parsed := 0, 0
	for _, s := range request.Series {
		var labels series.Labels
		for _, l := range s.Labels {
			labels = append(labels, series.Label{Name: l.Name, Value: l.Value})
		}
		for _, sample := range s.Samples {
			r := &Result{Labels: labels, ID: sample.ID, Raw: sample.RawProfile}
			results = append(results, r)
			p, plain, err := unpack(sample.RawProfile)
			if err != nil {
				r.Outcome, r.Err = Unparsable, err
				if no := new(refusal); errors.As(err, &no) {
					r.Outcome = Refused
				}
				failed = append(failed, err)
				continue
			}
			r.profile, r.Facts = p, factsOf(p, len(plain))
			r.Strict = strictly(plain)
			parsed++
			bytes += len(plain)
			if bytes > MaxBodyBytes {
				too := fmt.Errorf("uncompressed batched profile payload size exceeds limit of %s", mebibytes(MaxBodyBytes))
				return results, connect.NewError(connect.CodeInvalidArgument, too)
			}
		}
	}
	if parsed == 0 {
		if len(failed) == 0 {
			failed = append(failed, connect.NewError(connect.CodeInvalidArgument, errors.New("no profiles received")))
		}
		return results, failed.answer()
	}
	for _, r := range results {
		if r.profile == nil {
			continue
		}
		r.Records, r.Err = accept(tenant, r.Labels, r.profile, rate, now)
		r.profile = nil
		switch {
		case r.Err != nil:
			r.Outcome = Refused
			failed = append(failed, r.Err)
		case len(r.Records) == 0:
			r.Outcome = Dropped
		default:
			r.Outcome = Stored
		}
	}
	return results, failed.answer()
}

func strictly(plain []byte) error {
	p, err := profile.ParseUncompressed(plain)
	if err != nil {
		return err
	}
	return p.CheckValid()
}

// accept makes records of one parsed profile, in the server's order: the rate comes before all checks, so a refused push counts too.
func accept(tenant string, pushed series.Labels, p *profilev1.Profile, rate *Rate, now time.Time) (out []series.Record, err error) {
	defer func() { // the server also answers 500 to what makes it panic
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("%v", r)
		}
	}()
	labels := seriesLabels(pushed)
	size := p.SizeVT()
	counted := int64(size)
	for _, l := range labels {
		counted += int64(len(l.Name) + len(l.Value))
	}
	if rate != nil {
		if err := rate.take(tenant, counted, now); err != nil {
			return nil, err
		}
	}
	if err := validate(p, size, labels, now); err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	normalize(p)
	groups, err := split(p, labels)
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	return records(tenant, p, labels, groups), nil
}

// Replay makes the records of a profile that was accepted at some time before.
func Replay(tenant string, labels series.Labels, raw []byte, at time.Time) ([]series.Record, error) {
	p, _, err := unpack(raw)
	if err != nil {
		return nil, err
	}
	return accept(tenant, labels, p, nil, at)
}
