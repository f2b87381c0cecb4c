package gateway

import (
	"errors"

	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/static"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// serveFile answers with the file at the path, or goes on to the index file of
// a directory.
func (v *visit) serveFile(to *hop) (again bool, err error) {
	uri := v.env.URI
	if v.loc.root == nil {
		return false, &refused{404, "the location has neither a root nor a backend", uri}
	}
	if uri[len(uri)-1] == '/' {
		return v.serveIndex(to)
	}
	err = v.g.files.Serve(v.x, v.loc.root, v.rel(uri), &v.loc.files)
	switch {
	case errors.Is(err, static.ErrDirectory):
		return false, v.addSlash()
	case errors.Is(err, static.ErrDenied):
		return false, v.denied(uri)
	case missing(err):
		return false, v.noFile(uri, err)
	}
	return false, err
}

// serveIndex redirects to the first index file that exists, so that its own
// location serves it.
func (v *visit) serveIndex(to *hop) (again bool, err error) {
	uri := v.env.URI
	for _, name := range v.loc.index {
		path := v.concat(uri, name)
		info, err := v.lookup(path)
		if err == nil && info.Kind == docroot.File {
			to.uri, to.args, to.named = path, v.env.Args, ""
			return true, nil
		}
		if err != nil && !missing(err) {
			return false, err
		}
	}
	if _, err := v.lookup(uri); err != nil {
		return false, v.noFile(uri, err)
	}
	return false, &refused{403, "directory without an index file (see index)", v.file(uri)}
}

// addSlash redirects a directory's path to the one that ends in a slash, by a
// relative reference so that neither scheme nor host can be wrong.
func (v *visit) addSlash() error {
	to := vars.AppendEscaped(v.x.Alloc(3*len(v.env.URI) + 2 + len(v.env.Args))[:0], v.env.URI)
	to = append(to, '/')
	if len(v.env.Args) > 0 {
		to = append(append(to, '?'), v.env.Args...)
	}
	return v.send(301, "", to, nil)
}
