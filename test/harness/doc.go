// Package harness is what tests of the gateway's binary have in common: the binary,
// processes and how they end, the programs of others, places in the file system
// and on loopback. Only tests, and packages that are for tests, import it.
package harness
