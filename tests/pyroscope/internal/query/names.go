package query

// nameTable gives each name of a flame graph its index. The first is the root's, which is called total.
type nameTable struct {
	list  []string
	index map[string]int64
}

func newNameTable() *nameTable {
	return &nameTable{list: []string{"total"}, index: map[string]int64{"": 0}}
}

func (t *nameTable) of(name string) int64 {
	i, known := t.index[name]
	if !known {
		i = int64(len(t.list))
		t.index[name] = i
		t.list = append(t.list, name)
	}
	return i
}
