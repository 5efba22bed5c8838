package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"pyro.test/pyroscope/internal/series"
)

// Entry is an accepted profile as it was pushed, one JSON line in the journal.
type Entry struct {
	Tenant string        `json:"tenant"`
	At     time.Time     `json:"at"`
	Labels series.Labels `json:"labels"`
	Raw    []byte        `json:"raw"`
}

// Journal is a file that entries are only appended to. Each is written before its push is answered, and in one piece: a killed
// server has in its file what it said 200 to, and at most a part of one line more.
type Journal struct {
	mutex sync.Mutex
	file  *os.File
}

// OpenJournal reads what is there, and cuts off a line that a killed server left unfinished.
func OpenJournal(path string) (*Journal, []Entry, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	entries, whole, err := read(path)
	if err == nil {
		err = file.Truncate(whole)
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return &Journal{file: file}, entries, nil
}

func read(path string) (entries []Entry, whole int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	for number := 1; ; number++ {
		line, rest, complete := bytes.Cut(text, []byte("\n"))
		if !complete {
			return entries, whole, nil
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, 0, fmt.Errorf("%s, line %d: %w", path, number, err)
		}
		entries = append(entries, e)
		whole += int64(len(line)) + 1
		text = rest
	}
}

func (j *Journal) Append(entries []Entry) error {
	var text []byte
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	if len(text) == 0 {
		return nil
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	_, err := j.file.Write(text)
	return err
}

func (j *Journal) Close() error { return j.file.Close() }
