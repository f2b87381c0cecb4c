//go:build !race

package fcgi_test

// raceEnabled says whether the race detector is on.
const raceEnabled = false
