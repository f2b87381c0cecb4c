package gateway

import (
	"bytes"

	"github.com/fcgigw/fcgigw/pkg/cgi"
	"github.com/fcgigw/fcgigw/pkg/docroot"
	"github.com/fcgigw/fcgigw/pkg/proxy"
)

// runScript finds the script that the path names and has a worker run it.
func (v *visit) runScript() error {
	name, info := v.scriptPath()
	if !v.loc.scripts.allows(name) {
		return &refused{404, "the script is not in the location's scripts; add it, or a pattern such as \"/**.php\", to run it", name}
	}
	v.script = cgi.Script{Name: name, PathInfo: info}
	if err := v.locate(); err != nil {
		return err
	}
	v.env.ScriptName, v.env.PathInfo = name, info
	v.env.ScriptFilename, v.env.DocumentRoot = v.script.Filename, v.script.DocumentRoot
	return v.proxy()
}

func (v *visit) proxy() error {
	if v.loc.early != nil {
		if err := v.earlyHints(); err != nil {
			return err
		}
	}
	return v.gen.proxy.Serve(v.x, &v.loc.proxy, v, v.storage())
}

// storage returns the storage for one request to a backend at a time.
func (v *visit) storage() *proxy.Job {
	if v.job == nil {
		v.job = new(proxy.Job)
	}
	return v.job
}

// scriptPath splits the path in script and path info. A directory stands for
// its first index file that is a script.
func (v *visit) scriptPath() (name, info []byte) {
	uri := v.env.URI
	if script, info, ok := cgi.Split(uri, v.loc.scripts.split); ok {
		return script, info
	}
	if uri[len(uri)-1] == '/' {
		for _, index := range v.loc.index {
			if _, _, ok := cgi.Split(index, v.loc.scripts.split); ok {
				return v.concat(uri, index), nil
			}
		}
	}
	return uri, nil
}

func (v *visit) concat(a, b []byte) []byte {
	return append(append(v.x.Alloc(len(a) + len(b))[:0], a...), b...)
}

// locate fills in the files as the workers see them. With a local root the
// script must exist beneath it, and its real path is sent, so that a deploy by
// symlink swap changes all of a request or nothing.
func (v *visit) locate() error {
	rel := v.rel(v.script.Name)
	root := v.loc.base
	filename := []byte(nil)
	if v.loc.backend.cfg.CheckFiles && v.loc.root != nil {
		found, err := v.loc.root.Lookup(rel)
		switch {
		case err != nil && missing(err):
			return v.noFile(v.script.Name, err)
		case err == nil && found.Kind != docroot.File:
			return &refused{404, "the script is a directory", v.file(v.script.Name)}
		case err != nil:
			return err
		}
		filename = v.x.CopyString(found.RealPath)
		root = v.x.CopyString(found.RealRoot)
		v.env.RealRoot = root
	}
	if v.loc.remote != nil {
		root, filename = v.loc.remote, nil
	}
	if filename == nil {
		filename = v.concat(root, slashed(rel))
	}
	v.script.Filename, v.script.DocumentRoot = filename, root
	if len(v.script.PathInfo) > 0 {
		v.script.PathTranslated = v.concat(root, v.script.PathInfo)
	}
	return nil
}

// slashed returns rel with its leading slash, which an alias may have taken.
func slashed(rel []byte) []byte {
	if bytes.HasPrefix(rel, []byte{'/'}) {
		return rel
	}
	return append([]byte{'/'}, rel...)
}

// EncodeParams implements proxy.Encoder.
func (v *visit) EncodeParams(dst []byte, bodyLen int64) []byte {
	v.script.BodyLen = bodyLen
	dst = v.loc.params.Append(dst, &v.env, &v.script, &v.kept)
	if len(v.extra) > 0 {
		dst = replaceParams(dst, v.extra)
	}
	return dst
}

var _ proxy.Encoder = (*visit)(nil)
