package main

import (
	"os"
	"runtime/pprof"
)

// profileEnv names a file for a CPU profile of the whole run. It is for the
// project's benchmarks and is not part of the command's interface.
const profileEnv = "FCGIGW_CPUPROFILE"

// profile starts a CPU profile if the environment asks for one and returns what
// ends it.
func profile() (stop func(), err error) {
	path := os.Getenv(profileEnv)
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}
