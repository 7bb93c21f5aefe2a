package diag

// Nearest finds the word that was probably meant: least edit distance, at most a third of the word's length; the first of equals.
func Nearest(word string, words []string) (string, bool) {
	best, limit := "", max(1, len([]rune(word))/3)
	found := false
	for _, candidate := range words {
		d := distance([]rune(word), []rune(candidate))
		if d <= limit && (!found || d < limit) {
			best, limit, found = candidate, d, true
		}
	}
	return best, found
}

// distance is the number of characters inserted, removed, replaced or swapped with their neighbour (optimal string alignment).
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			rows[i][j] = step(rows, a, b, i, j)
		}
	}
	return rows[len(a)][len(b)]
}

func step(rows [][]int, a, b []rune, i, j int) int {
	replace := rows[i-1][j-1]
	if a[i-1] != b[j-1] {
		replace++
	}
	d := min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
	if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
		d = min(d, rows[i-2][j-2]+1)
	}
	return d
}
