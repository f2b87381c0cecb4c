package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/vars"
)

// tryStep is one element of try_files.
type tryStep struct {
	path   *vars.Template
	dir    bool           // looked for as a directory
	last   bool           // not looked for: where to go if nothing was found
	args   *vars.Template // of a last path; nil: none
	named  string
	status int
}

func compileTry(list, groups []string) ([]tryStep, error) {
	var steps []tryStep
	var errs []error
	for i, text := range list {
		step, err := compileStep(text, i == len(list)-1, groups)
		if err != nil {
			errs = append(errs, fmt.Errorf("try_files: %w", err))
		}
		steps = append(steps, step)
	}
	return steps, errors.Join(errs...)
}

func compileStep(text string, last bool, groups []string) (s tryStep, err error) {
	s.last = last
	if last && strings.HasPrefix(text, "@") {
		s.named = text[1:]
		return s, nil
	}
	if code, ok := strings.CutPrefix(text, "="); ok {
		s.last = true
		s.status, err = strconv.Atoi(code)
		return s, err
	}
	path, args, hasArgs := strings.Cut(text, "?")
	if last && hasArgs {
		if s.args, err = vars.Compile(args, groups...); err != nil {
			return s, err
		}
		text = path
	}
	if !last && strings.HasSuffix(text, "/") {
		s.dir = true
		text = strings.TrimSuffix(text, "/")
	}
	s.path, err = vars.Compile(text, groups...)
	return s, err
}

// tryFiles looks for the location's files in order. found means that the visit
// goes on in this location with the path that exists; otherwise to holds the
// last step's redirect.
func (v *visit) tryFiles(to *hop) (found bool, err error) {
	for i := range v.loc.try {
		s := &v.loc.try[i]
		switch {
		case s.status != 0:
			return false, statusError(s.status)
		case s.last:
			return false, v.redirect(to, s)
		}
		uri := v.expand(s.path)
		info, err := v.lookup(uri)
		if err == nil && (info.Kind == docroot.Dir) == s.dir {
			v.env.URI, to.uri = uri, uri
			return true, nil
		}
		if err != nil && !missing(err) {
			return false, err
		}
		v.skipped(uri, err)
	}
	return false, nil
}

func (v *visit) redirect(to *hop, s *tryStep) error {
	if s.named != "" {
		to.named = s.named
		return nil
	}
	uri := v.expand(s.path)
	if len(uri) == 0 || uri[0] != '/' || unclean(uri) {
		return &refused{500, "try_files leads to a path that is not clean", uri}
	}
	to.args = nil
	if s.args != nil {
		to.args = v.expandURL(s.args)
	}
	to.uri, to.named = uri, ""
	return nil
}

// unclean reports whether a path made of variables could mean another place
// than it says.
func unclean(path []byte) bool {
	return bytes.Contains(path, []byte("//")) || bytes.Contains(path, []byte("/../")) ||
		bytes.HasSuffix(path, []byte("/..")) || bytes.IndexByte(path, 0) >= 0
}

// expand makes the text of t in the exchange's memory.
func (v *visit) expand(t *vars.Template) []byte {
	return t.Append(v.x.Alloc(256)[:0], &v.env)
}

// expandURL is expand for a part of a URL.
func (v *visit) expandURL(t *vars.Template) []byte {
	return t.AppendURL(v.x.Alloc(256)[:0], &v.env)
}

// rel returns uri beneath the location's root.
func (v *visit) rel(uri []byte) []byte {
	if v.loc.strip > len(uri) {
		return nil
	}
	return uri[v.loc.strip:]
}

// lookup finds uri's file in the location's root.
func (v *visit) lookup(uri []byte) (docroot.Info, error) {
	if v.loc.root == nil {
		return docroot.Info{}, docroot.ErrNotExist
	}
	return v.loc.root.Lookup(v.rel(uri))
}

// missing reports whether err means that there is no such file for a client: it
// does not exist, or lies where no client may look.
func missing(err error) bool {
	return errors.Is(err, docroot.ErrNotExist) || errors.Is(err, docroot.ErrForbidden)
}
