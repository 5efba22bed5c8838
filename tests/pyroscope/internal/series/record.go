package series

// The labels that the server itself adds to a series.
const (
	ProfileName = "__name__"
	ProfileType = "__profile_type__"
	ServiceName = "service_name"
)

// Record is one sample type of one series of one pushed profile.
type Record struct {
	Tenant string
	Labels Labels
	Nanos  int64 // the profile's time
	Stacks []Stack
}

// Stack is a call stack, its leaf first, with the value that it alone has.
type Stack struct {
	Locations []*Location
	Value     int64
	Span      string
	Trace     string
}

// Location is shared by all stacks of a profile that have it.
type Location struct {
	Address uint64
	Mapping *Mapping
	Lines   []Line // inlined callees first
}

type Line struct {
	Function *Function
	Line     int64
}

type Function struct {
	Name, SystemName, File string
	StartLine              int64
}

type Mapping struct {
	Start, Limit, Offset uint64
	File, BuildID        string
	HasFunctions         bool
	HasFilenames         bool
	HasLineNumbers       bool
	HasInlineFrames      bool
}

// Total is the sum of the record's values, which is what a time series shows.
func (r *Record) Total() int64 {
	var sum int64
	for _, s := range r.Stacks {
		sum += s.Value
	}
	return sum
}
