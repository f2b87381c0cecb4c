//go:build !race

package httpc

// raceEnabled says whether the race detector is on.
const raceEnabled = false
