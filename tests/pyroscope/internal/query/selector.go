// Package query answers what a Pyroscope server can be asked about series: which there are, and their flame graphs.
package query

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"pyro.test/pyroscope/internal/series"
)

// Selector is a parsed Prometheus series selector. A label that a series doesn't have is an empty one.
type Selector []Matcher

type Matcher struct {
	Name  string
	Op    string // = != =~ !~
	Value string

	pattern *regexp.Regexp
}

func (s Selector) Matches(ls series.Labels) bool {
	for _, m := range s {
		if !m.matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}

func (m *Matcher) matches(value string) bool {
	switch m.Op {
	case "=":
		return value == m.Value
	case "!=":
		return value != m.Value
	case "=~":
		return m.pattern.MatchString(value)
	default:
		return !m.pattern.MatchString(value)
	}
}

func newMatcher(name, op, value string) (Matcher, error) {
	m := Matcher{Name: name, Op: op, Value: value}
	if op == "=~" || op == "!~" {
		var err error
		if m.pattern, err = regexp.Compile("^(?s:" + value + ")$"); err != nil {
			return m, err
		}
	}
	return m, nil
}

// Parse reads `{a="b", c!~"d.*"}`, with or without a name before it. `{}` selects everything, and an empty text is an error.
func Parse(text string) (Selector, error) {
	p := parser{rest: text}
	s, err := p.selector()
	if err != nil {
		return nil, fmt.Errorf("parsing label selector %q: %w", text, err)
	}
	return s, nil
}

// ParseAll reads selectors that must all match.
func ParseAll(texts []string) (Selector, error) {
	var all Selector
	for _, text := range texts {
		s, err := Parse(text)
		if err != nil {
			return nil, err
		}
		all = append(all, s...)
	}
	return all, nil
}

type parser struct{ rest string }

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)
	operator   = regexp.MustCompile(`^(=~|!~|!=|=)`)
)

func (p *parser) selector() (Selector, error) {
	var out Selector
	name := p.take(metricName)
	if name != "" {
		out = append(out, Matcher{Name: series.ProfileName, Op: "=", Value: name})
	}
	if !p.skip("{") {
		if name == "" || p.rest != "" {
			return nil, errors.New("expected {")
		}
		return out, nil
	}
	for !p.skip("}") {
		m, err := p.matcher()
		if err != nil {
			return nil, err
		}
		out = append(out, m)
		if !p.skip(",") {
			if !p.skip("}") {
				return nil, errors.New("expected , or }")
			}
			break
		}
	}
	if p.space(); p.rest != "" {
		return nil, fmt.Errorf("unexpected %q", p.rest)
	}
	return out, nil
}

// matcher also takes names in quotes, and a quoted profile name that stands alone.
func (p *parser) matcher() (Matcher, error) {
	name := p.take(labelName)
	if name == "" {
		var err error
		if name, err = p.quoted(); err != nil {
			return Matcher{}, fmt.Errorf("expected a label name: %w", err)
		}
		if p.space(); strings.HasPrefix(p.rest, ",") || strings.HasPrefix(p.rest, "}") {
			return Matcher{Name: series.ProfileName, Op: "=", Value: name}, nil
		}
	}
	op := p.take(operator)
	if op == "" {
		return Matcher{}, errors.New("expected one of = != =~ !~")
	}
	value, err := p.quoted()
	if err != nil {
		return Matcher{}, fmt.Errorf("expected a value in quotes: %w", err)
	}
	return newMatcher(name, op, value)
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *parser) skip(text string) bool {
	p.space()
	rest, found := strings.CutPrefix(p.rest, text)
	p.rest = rest
	return found
}

func (p *parser) take(pattern *regexp.Regexp) string {
	p.space()
	found := pattern.FindString(p.rest)
	p.rest = p.rest[len(found):]
	return found
}

func (p *parser) quoted() (string, error) {
	p.space()
	if p.rest == "" || !strings.ContainsRune("\"'`", rune(p.rest[0])) {
		return "", errors.New("no quote")
	}
	quote := p.rest[0]
	p.rest = p.rest[1:]
	if quote == '`' {
		value, rest, closed := strings.Cut(p.rest, "`")
		if !closed {
			return "", errors.New("no closing quote")
		}
		p.rest = rest
		return value, nil
	}
	var value strings.Builder
	for p.rest != "" {
		if p.rest[0] == quote {
			p.rest = p.rest[1:]
			return value.String(), nil
		}
		c, multibyte, rest, err := strconv.UnquoteChar(p.rest, quote)
		if err != nil {
			return "", err
		}
		if p.rest = rest; multibyte || c < 0x80 {
			value.WriteRune(c)
		} else {
			value.WriteByte(byte(c))
		}
	}
	return "", errors.New("no closing quote")
}
