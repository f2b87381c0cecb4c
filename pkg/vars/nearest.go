package vars

import "slices"

// nearest returns the known name with the smallest edit distance to name, or
// "" when none is similar.
func (c *compiler) nearest(name string) string {
	candidates := slices.Clone(c.groups)
	for known := range c.table {
		candidates = append(candidates, known)
	}
	slices.Sort(candidates)
	best, least := "", len(name)/3+2
	for _, known := range candidates {
		if d := distance(name, known); d < least {
			best, least = known, d
		}
	}
	return best
}

// distance is the Levenshtein distance of a and b in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
