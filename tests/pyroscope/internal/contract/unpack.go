package contract

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	profilev1 "github.com/grafana/pyroscope/api/gen/proto/go/google/v1"
)

// unpack takes a raw_profile, gzipped or plain, as the server does. Its protobuf parser lets through strings that are no UTF-8:
// validate refuses them, so that they are a 400 and not a 500.
func unpack(raw []byte) (*profilev1.Profile, []byte, error) {
	var r io.Reader = bytes.NewReader(raw)
	if zip, err := gzip.NewReader(r); err == nil {
		r = zip
	} else if errors.Is(err, gzip.ErrHeader) {
		r = bytes.NewReader(raw)
	} else { // also what is shorter than a gzip header, plain or not
		return nil, nil, fmt.Errorf("gzip reset: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxProfileBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("copy to buffer: %w", err)
	}
	if len(plain) > maxProfileBytes {
		return nil, nil, refuse("uncompressed profile payload size exceeds limit of %s", mebibytes(maxProfileBytes))
	}
	p := new(profilev1.Profile)
	if err := p.UnmarshalVT(plain); err != nil {
		return nil, nil, err
	}
	return p, plain, nil
}
