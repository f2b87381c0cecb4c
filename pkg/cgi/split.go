package cgi

import "bytes"

// Split cuts path behind its first segment that ends with one of exts, such as
// ".php": "/a.php/b.php" is the script "/a.php" and the path info "/b.php". The
// comparison is of bytes, with regard to case, and a segment ends at '/' or at
// the end of path, so "/index.phpx" and "/index.PHP" have no script. The results
// alias path; pathInfo is empty or begins with '/'. Without a script ok is
// false.
func Split(path []byte, exts []string) (script, pathInfo []byte, ok bool) {
	for end := 0; end < len(path); {
		next := bytes.IndexByte(path[end+1:], '/')
		if next < 0 {
			end = len(path)
		} else {
			end += 1 + next
		}
		if endsWithAny(path[:end], exts) {
			return path[:end:end], path[end:], true
		}
	}
	return nil, nil, false
}

func endsWithAny(path []byte, exts []string) bool {
	for _, ext := range exts {
		if n := len(path) - len(ext); ext != "" && n >= 0 && string(path[n:]) == ext {
			return true
		}
	}
	return false
}
