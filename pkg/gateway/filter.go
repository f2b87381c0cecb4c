package gateway

import (
	"os"
	"strconv"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/proxy"
)

// runFilter has the location's backend answer with what it makes of the file at
// the path (FastCGI section 6.4), or goes on to the index file of a directory.
// Which file that is, and whether it may be read at all, is decided as for
// static files.
func (v *visit) runFilter(to *hop) (again bool, err error) {
	uri := v.env.URI
	if uri[len(uri)-1] == '/' {
		return v.serveIndex(to)
	}
	if v.loc.files.Deny.Match(uri) {
		return false, v.denied(uri)
	}
	f, info, err := v.loc.root.Open(v.rel(uri))
	switch {
	case missing(err):
		return false, v.noFile(uri, err)
	case err != nil:
		return false, err
	}
	defer func() { _ = f.Close() }() // read only: nothing to learn
	real := v.x.CopyString(info.RealPath)
	switch {
	case info.Kind != docroot.File:
		return false, v.addSlash()
	case v.loc.files.Deny.Match(real):
		return false, v.denied(uri)
	}
	v.placeFiltered(uri, real, v.x.CopyString(info.RealRoot))
	return false, v.filter(f, &info)
}

// denied is the 404 for a file whose name deny_source has.
func (v *visit) denied(uri []byte) error {
	return &refused{404, "the file would show source text (see deny_source)", v.file(uri)}
}

// placeFiltered fills in the file, whose real path and root are known, as the
// workers see it.
func (v *visit) placeFiltered(uri, filename, root []byte) {
	v.env.RealRoot = root
	if v.loc.remote != nil {
		root = v.loc.remote
		filename = v.concat(root, slashed(v.rel(uri)))
	}
	v.script = cgi.Script{Name: uri, Filename: filename, DocumentRoot: root}
	v.env.ScriptName = uri
	v.env.ScriptFilename, v.env.DocumentRoot = filename, root
}

// filter sends f. Its length and its time are those it had when it was opened.
func (v *visit) filter(f *os.File, info *docroot.Info) error {
	number := func(n int64) []byte { return strconv.AppendInt(v.x.Alloc(20)[:0], n, 10) }
	v.setExtra([]byte("FCGI_DATA_LAST_MOD"), number(info.ModTime.Unix()))
	v.setExtra([]byte("FCGI_DATA_LENGTH"), number(info.Size))
	return v.gen.proxy.Filter(v.x, &v.loc.proxy, v, proxy.File{From: f, Len: info.Size}, v.storage())
}
