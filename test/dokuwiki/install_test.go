package dokuwiki

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// Where Debian's package puts the parts of DokuWiki.
const (
	debianCode  = "/usr/share/dokuwiki"
	debianConf  = "/etc/dokuwiki"
	debianParts = "/var/lib/dokuwiki/lib"
)

// debianPreload sends the code to /etc/dokuwiki; without it DokuWiki looks for
// conf beneath its own directory, as it does when unpacked from its archive.
const debianPreload = "inc/preload.php"

// requireDokuWiki skips the test on a machine that has no DokuWiki, unless it
// is one that must have it.
func requireDokuWiki(t testing.TB) {
	t.Helper()
	_, err := os.Stat(filepath.Join(debianCode, "doku.php"))
	harness.Need(t, err) // Debian's package dokuwiki
}

// newWiki makes a writable DokuWiki that is not installed yet: the code of
// Debian's package in the layout of DokuWiki's own archive, with nothing that
// Debian's maintainer scripts have set up.
func newWiki(t testing.TB) string {
	t.Helper()
	root := filepath.Join(harness.Dir(t), "wiki")
	copyTree(t, debianCode, root, debianPreload)
	// Debian closes one plugin, for DokuWiki's own tests, to other users.
	copyTree(t, filepath.Join(debianParts, "plugins"), filepath.Join(root, "lib/plugins"), "testing")
	copyTree(t, filepath.Join(debianParts, "tpl"), filepath.Join(root, "lib/tpl"))
	copyTree(t, debianConf, filepath.Join(root, "conf"), "local.php")
	useOwnData(t, filepath.Join(root, "conf/dokuwiki.php"))
	for _, dir := range []string{
		"pages", "attic", "media", "media_attic", "media_meta", "meta", "cache", "locks", "index", "tmp", "log",
	} {
		if err := os.MkdirAll(filepath.Join(root, "data", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// The installer puts these lines in front of those it writes: addresses
	// without doku.php in them, 404 for pages that do not exist, and no question
	// to dokuwiki.org about updates.
	writeFile(t, filepath.Join(root, "install.conf"),
		"$conf['userewrite'] = 1;\n$conf['send404'] = 1;\n$conf['updatecheck'] = 0;\n")
	return root
}

// useOwnData replaces Debian's data directory by DokuWiki's default.
func useOwnData(t testing.TB, path string) {
	t.Helper()
	const debian, own = "'/var/lib/dokuwiki/data'", "'./data'"
	text := readFile(t, path)
	if strings.Count(text, debian) != 1 {
		t.Fatalf("%s does not set savedir to %s", path, debian)
	}
	writeFile(t, path, strings.Replace(text, debian, own, 1))
}

// copyTree copies the regular files beneath from, but for the files and
// directories named in without. Links are left out: they lead to parts that are copied by
// themselves, or to what Debian's maintainer scripts have made.
func copyTree(t testing.TB, from, to string, without ...string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case slices.Contains(without, rel) && e.IsDir():
			return fs.SkipDir
		case slices.Contains(without, rel):
			return nil
		case e.IsDir():
			return os.MkdirAll(target, 0o755)
		case !e.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
