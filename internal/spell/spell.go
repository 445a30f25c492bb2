// Package spell finds what a name that is not known was meant to be.
package spell

import "strings"

// Closest is the candidate that name was probably meant to be, upper and lower case aside; empty: none is close. Of those
// that are equally close it is the first.
func Closest(name string, candidates []string) string {
	best, bound := "", (len(name)+1)/3
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d <= bound {
			best, bound = c, d-1
		}
	}
	return best
}

// distance is the number of insertions, deletions and replacements between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
