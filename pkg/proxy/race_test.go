//go:build race

package proxy_test

// raceEnabled says whether the race detector is on: it makes sync.Pool forget.
const raceEnabled = true
