package gateway

import (
	"bytes"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/docroot"
)

// statusError is a status that the configuration asks for: nothing to explain.
type statusError int

func (e statusError) Error() string { return "status" }

// refused is a status of our own making, with the reason that the access record
// gives. The client sees the status only.
type refused struct {
	status int
	why    string
	path   []byte // what it is about; lives as long as the exchange
}

// Error gives the reason and the path.
func (e *refused) Error() string {
	if e.path == nil {
		return e.why
	}
	return e.why + ": " + string(e.path)
}

// noFile is the 404 for a lookup of uri that failed with err. Files that exist
// where no client may look are not found either; the record tells the
// difference.
func (v *visit) noFile(uri []byte, err error) error {
	why := "no such file"
	if errors.Is(err, docroot.ErrForbidden) {
		why = forbidden
	}
	return &refused{404, why, v.file(uri)}
}

const forbidden = "not served: a symbolic link leads out of the root (see symlinks), or permission is missing"

// file returns the local name of uri, for messages.
func (v *visit) file(uri []byte) []byte {
	rel := v.rel(uri)
	if !bytes.HasPrefix(rel, []byte{'/'}) {
		rel = v.concat([]byte{'/'}, rel)
	}
	return v.concat(v.loc.base, rel)
}

// warnEvery is how often one location reports files that it may not serve.
const warnEvery = time.Minute

// skipped reports a file that try_files passed over although it exists: what
// the client gets instead would not tell why.
func (v *visit) skipped(uri []byte, err error) {
	if !errors.Is(err, docroot.ErrForbidden) {
		return
	}
	now := v.g.opt.Sweeper.Now()
	last := v.loc.warned.Load()
	if now-last < int64(warnEvery) || !v.loc.warned.CompareAndSwap(last, now) {
		return
	}
	v.g.log.Warn("try_files passes over a file", zap.ByteString("file", v.file(uri)),
		zap.String("why", forbidden), zap.String("site", v.site.name), zap.String("location", v.loc.name))
}
