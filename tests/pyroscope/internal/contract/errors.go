package contract

import (
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"
)

// refusal is the server's own "no": 400. Other errors, such as the parser's, are 500 with the code unknown.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// failures are the errors of one request, each of one profile.
type failures []error

func (f failures) Unwrap() []error { return f }

func (f failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	joined := strings.Join(texts, "; ")
	if len(f) > 1 {
		return fmt.Sprintf("%d errors: %s", len(f), joined)
	}
	return joined
}

// answer makes one answer of many failures: the first that has a code decides; without one, a refusal among them makes it a 400.
func (f failures) answer() error {
	if len(f) == 0 {
		return nil
	}
	var coded *connect.Error
	if errors.As(f, &coded) {
		return coded
	}
	var no *refusal
	if errors.As(f, &no) {
		return connect.NewError(connect.CodeInvalidArgument, f)
	}
	return connect.NewError(connect.CodeUnknown, f)
}
