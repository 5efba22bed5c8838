package contract

import (
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect"
)

// Rate is the server's limit of bytes a second, one bucket a tenant. A refused push takes nothing out of the bucket.
type Rate struct {
	mutex   sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	bytes float64
	at    time.Time
}

func NewRate() *Rate { return &Rate{buckets: map[string]*bucket{}} }

func (r *Rate) take(tenant string, bytes int64, now time.Time) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	b := r.buckets[tenant]
	if b == nil {
		b = &bucket{bytes: burstBytes, at: now}
		r.buckets[tenant] = b
	}
	if since := now.Sub(b.at); since > 0 {
		b.bytes = min(burstBytes, b.bytes+since.Seconds()*rateBytes)
		b.at = now
	}
	if float64(bytes) > b.bytes {
		return connect.NewError(connect.CodeResourceExhausted,
			fmt.Errorf("push rate limit (%s) exceeded while adding %s", mebibytes(rateBytes), mebibytes(bytes)))
	}
	b.bytes -= float64(bytes)
	return nil
}

func mebibytes(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
