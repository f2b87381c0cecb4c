// Package fpmconf reads from php-fpm's own configuration how many workers
// listen on an address.
//
// It knows as much of the format as that takes: sections, "key = value",
// quotes, comments, and $pool. It follows no include.
package fpmconf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Learned is what a file says of the pools behind some servers.
type Learned struct {
	// Children is pm.max_children, the smallest where pools differ.
	Children int
	// Recycles: workers end after a number of requests (pm.max_requests).
	Recycles bool
}

// Learn reads the file at path and finds the pools that listen on servers,
// addresses such as "unix:/path" or "host:port". The error says what is wrong
// with the file, and in which line: it cannot be read, no pool listens on one of
// the servers, or pm.max_children makes no sense.
func Learn(path string, servers []string) (Learned, error) {
	text, err := read(path)
	if err != nil {
		return Learned{}, err
	}
	file, err := parse(text)
	if err != nil {
		return Learned{}, err
	}
	var all Learned
	for _, server := range servers {
		p := file.find(server)
		if p == nil {
			return Learned{}, fmt.Errorf("no pool listens on %q%s", server, file.instead())
		}
		children, recycles, err := p.limits()
		if err != nil {
			return Learned{}, err
		}
		if all.Children == 0 || children < all.Children {
			all.Children = children
		}
		all.Recycles = all.Recycles || recycles
	}
	return all, nil
}

// maxFile bounds what is read of a file.
const maxFile = 1 << 20

func read(path string) (string, error) {
	fi, err := os.Stat(path)
	if err == nil && !fi.Mode().IsRegular() { // a pipe would have us wait
		return "", errors.New("it is no file")
	}
	var text []byte
	if err == nil {
		text, err = readPart(path)
	}
	var pe *fs.PathError
	switch {
	case errors.As(err, &pe):
		return "", pe.Err
	case err != nil:
		return "", err
	case len(text) > maxFile:
		return "", errors.New("larger than a php-fpm configuration can be")
	}
	return string(text), nil
}

func readPart(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// find returns the pool that listens on server, or nil.
func (f *file) find(server string) *section {
	for _, p := range f.pools {
		if listen, ok := p.listen(); ok && sameAddress(listen, server) {
			return p
		}
	}
	return nil
}

// instead says which pools there are.
func (f *file) instead() string {
	var b strings.Builder
	for i, p := range f.pools {
		listen, ok := p.listen()
		if !ok {
			listen = "no address"
		}
		fmt.Fprintf(&b, "%s [%s] on %s", map[bool]string{true: "; there is", false: ","}[i == 0], p.name, listen)
	}
	if len(f.pools) == 0 {
		b.WriteString("; it has no pools")
	}
	if f.includes {
		b.WriteString(", and what it includes is not read")
	}
	return b.String()
}
