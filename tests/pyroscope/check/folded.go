package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// foldedSums gives the sum of DIR/REGION.folded for each region.
func foldedSums(dir string) (map[string]int64, error) {
	sums := map[string]int64{}
	for _, region := range regions {
		sum, err := foldedSum(filepath.Join(dir, region+".folded"))
		if err != nil {
			return nil, err
		}
		sums[region] = sum
	}
	return sums, nil
}

func foldedSum(path string) (sum int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			continue
		}
		value, err := strconv.ParseInt(line[strings.LastIndexByte(line, ' ')+1:], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %q has no count", path, line)
		}
		sum += value
	}
	return sum, lines.Err()
}
