package static

import (
	"fmt"
	"os"
	"strings"

	"github.com/fcgigw/fcgigw/pkg/accept"
	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/exchange"
)

// Precompressed lists the content codings in which files may lie beside
// themselves: style.css.br, style.css.zst, style.css.gz.
type Precompressed struct {
	names    []string
	suffixes []string
}

// NewPrecompressed returns a list of "br", "zstd" and "gzip", the preferred
// first, or an error that names a coding for which no file name ending is known.
// Of no coding it is nil.
func NewPrecompressed(codings []string) (*Precompressed, error) {
	if len(codings) == 0 {
		return nil, nil
	}
	p := &Precompressed{names: codings}
	for _, c := range codings {
		suffix := map[string]string{"br": ".br", "zstd": ".zst", "gzip": ".gz"}[c]
		if suffix == "" || len(codings) > accept.Max {
			return nil, fmt.Errorf("static: no precompressed files of coding %q", c)
		}
		p.suffixes = append(p.suffixes, suffix)
	}
	return p, nil
}

// variant is an encoded form of a file that may take its place. The zero value
// is none.
type variant struct {
	rel    []byte // where it is
	coding string // its Content-Encoding
	ext    string
	vary   bool // there is one, though perhaps not for this client
	info   docroot.Info
}

// pick looks for encoded forms of the file at rel, which is described by info,
// and returns the one that the client likes best. All are looked for, whatever
// the client takes: that there is one makes the answer to everybody depend on
// Accept-Encoding.
func (p *Precompressed) pick(x *exchange.Exchange, root *docroot.Root, rel []byte, info *docroot.Info, deny *Deny) variant {
	var there [accept.Max]variant
	found := false
	for i, suffix := range p.suffixes {
		v := variant{rel: append(append(x.Alloc(len(rel) + len(suffix))[:0], rel...), suffix...)}
		var err error
		if v.info, err = root.Lookup(v.rel); err != nil || !v.standsFor(info) || deny.match(v.rel, v.info.RealPath) || v.hidden(root, info, suffix) {
			continue
		}
		v.coding, v.ext = p.names[i], suffix[1:]
		there[i] = v
		found = true
	}
	if !found {
		return variant{}
	}
	codings := accept.Encodings(&x.Request.Header, p.names)
	for i := range codings.Len() {
		if v := there[codings.At(i)]; v.coding != "" {
			v.vary = true
			return v
		}
	}
	return variant{vary: true}
}

// standsFor reports whether v is a file that was made of the original as it is
// now: one that is older is of an earlier state.
func (v *variant) standsFor(original *docroot.Info) bool {
	return v.info.Kind == docroot.File && !v.info.ModTime.Before(original.ModTime)
}

// hidden reports whether v is a symlink to a dotfile. That of the file itself is
// the operator's word that it may be shown; one beside it may be anything's.
func (v *variant) hidden(root *docroot.Root, original *docroot.Info, suffix string) bool {
	real := v.info.RealPath
	if stem, ok := strings.CutSuffix(real, suffix); ok && stem == original.RealPath {
		return false // beside the file, wherever that is
	}
	return !IsDotPath(v.rel) && IsDotPath([]byte(strings.TrimPrefix(real, root.RealRoot())))
}

// negotiate makes j send an encoded form of its file, if there is one for the
// client. What is asked by other methods than GET and HEAD, and an error page,
// stays as it is.
func (j *job) negotiate(root *docroot.Root) {
	if j.opt.Precompressed == nil || j.opt.Status != 0 || !j.x.Request.IsRead() {
		return
	}
	v := j.opt.Precompressed.pick(j.x, root, j.rel, &j.info, j.opt.Deny)
	j.vary = v.vary
	if v.coding != "" {
		j.rel, j.info, j.coding, j.ext = v.rel, v.info, v.coding, v.ext
	}
}

// open opens what is to be sent. An encoded form that is gone, or is not what the
// lookup remembered, gives way to the file itself.
func (j *job) open(root *docroot.Root) (*os.File, docroot.Info, error) {
	f, info, err := root.Open(j.rel)
	if j.coding == "" || err == nil && !j.stale(root, &info) {
		return f, info, err
	}
	if err == nil {
		_ = f.Close() // read only: nothing to learn
	}
	return j.plain(root)
}

// stale reports whether an encoded form that was opened is not what the lookup
// remembered, and may not be sent any more.
func (j *job) stale(root *docroot.Root, info *docroot.Info) bool {
	if info.SameFile(&j.info) {
		return false
	}
	original, err := root.Lookup(j.name)
	v := variant{info: *info, rel: j.rel}
	return err != nil || !v.standsFor(&original) || v.hidden(root, &original, "."+j.ext)
}

// plain goes back from an encoded form to the file itself.
func (j *job) plain(root *docroot.Root) (*os.File, docroot.Info, error) {
	j.rel, j.coding, j.ext = j.name, "", ""
	j.info = docroot.Info{} // so that the validators are made anew
	return root.Open(j.rel)
}
