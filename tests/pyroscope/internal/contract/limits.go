// Package contract does with a push what the Pyroscope server does with one: refuses it, drops it without a word, or makes series
// of it. It is written from the server's behaviour (v2.2.1) and does nothing but decide: storing and answering are others'.
package contract

import "time"

// The server's defaults.
const (
	maxProfileBytes = 4 << 20   // of one raw_profile, uncompressed
	MaxBodyBytes    = 256 << 20 // of one request, and of all its raw_profiles, uncompressed
	maxSamples      = 16_000
	maxSampleLabels = 100
	maxDepth        = 1_000  // deeper stacks keep the root's side
	maxSymbolBytes  = 65_535 // longer strings keep their end
	maxLabels       = 30
	maxLabelName    = 1_024 // bytes
	maxLabelValue   = 2_048 // bytes
	maxAge          = time.Hour
	maxAhead        = 10 * time.Minute
	rateBytes       = 4 << 20 // a second and tenant, uncompressed
	burstBytes      = 2 << 20 // so a larger push never passes
)
