package certs

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// maxFile bounds a PEM file. The longest are lists of CAs and of revoked
// certificates.
const maxFile = 16 << 20

type pairFiles struct{ cert, key string }

// pair is a certificate and its key from two files.
type pair struct {
	files   pairFiles
	current atomic.Pointer[tls.Certificate] // never changed once it is here

	stamps [2]stamp // of the files in use, or of the broken ones last complained about
	failed bool     // the files at stamps are broken

	mu sync.Mutex // held to store current, whose staple and whose rest come from two goroutines
	// answer is the OCSP answer; guarded by mu.
	answer answer
}

// stamp changes whenever a file is written or another takes its place, be it
// behind a symbolic link.
type stamp struct {
	dev, inode   uint64
	size         int64
	mtime, ctime syscall.Timespec
}

func stampOf(path string) stamp {
	fi, err := os.Stat(path)
	if err != nil {
		return stamp{} // reading it will tell
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}
	}
	return stamp{dev: st.Dev, inode: st.Ino, size: st.Size, mtime: st.Mtim, ctime: st.Ctim}
}

func (f pairFiles) stamps() [2]stamp { return [2]stamp{stampOf(f.cert), stampOf(f.key)} }

func newPair(files pairFiles) (*pair, error) {
	p := &pair{files: files, stamps: files.stamps()}
	cert, err := LoadPair(files.cert, files.key)
	if err != nil {
		return nil, err
	}
	p.current.Store(cert)
	return p, nil
}

// reread takes the files over when they have changed and reports whether it did.
// The two are not written at one moment, so broken ones are tried again and
// again; the error is returned once for each of their states.
func (p *pair) reread() (changed bool, err error) {
	stamps := p.files.stamps()
	same := stamps == p.stamps
	if same && !p.failed {
		return false, nil
	}
	cert, err := LoadPair(p.files.cert, p.files.key)
	p.stamps, p.failed = stamps, err != nil
	switch {
	case err != nil && same:
		return false, nil // said already
	case err != nil:
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer{}
	p.current.Store(cert)
	return true, nil
}

// inherit takes the OCSP answer over from the pair of an earlier set that has
// the same certificate.
func (p *pair) inherit(old []*pair) {
	for _, o := range old {
		if o.files != p.files || !o.current.Load().Leaf.Equal(p.current.Load().Leaf) {
			continue
		}
		o.mu.Lock()
		a := o.answer
		o.mu.Unlock()
		p.setAnswer(p.current.Load(), a)
		return
	}
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("larger than 16 MiB")
	}
	return data, err
}
