//go:build !race

package proxy_test

// raceEnabled says whether the race detector is on.
const raceEnabled = false
