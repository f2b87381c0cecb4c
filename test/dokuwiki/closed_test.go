package dokuwiki

import (
	"os"
	"path/filepath"
	"testing"
)

// closed asks for what the gateway must not serve and what exists, so that a
// 404 cannot come from an empty directory.
func (w *wiki) closed(t *testing.T) {
	for _, path := range []string{
		"/data/pages/play/ground.txt", "/data/media/play/form.png", "/data/meta/play/ground.meta",
		"/conf/users.auth.php", "/conf/acl.auth.php", "/conf/local.php", "/conf/mime.conf", "/conf/.htaccess",
		"/inc/init.php", "/inc/lang/en/lang.php", "/inc/.htaccess", "/bin/indexer.php", "/vendor/autoload.php",
		"/VERSION", "/install.php", "/lib/plugins/config/admin.php", "/lib/tpl/dokuwiki/main.php",
	} {
		if _, err := os.Stat(filepath.Join(w.root, path)); err != nil {
			t.Errorf("the wiki has no such file: %v", err)
		}
		w.visitor.get(path).want(t, 404)
	}
	for _, path := range []string{
		"/lib/../conf/users.auth.php", "/lib/%2e%2e/conf/users.auth.php", "//conf/users.auth.php",
		"/%63onf/users.auth.php", "/data/pages/play/ground.txt/x.php", "/conf/users.auth.php/x.php",
		"/data/media/play/form.png/x.php",
	} {
		a := w.visitor.get(path)
		if a.StatusCode == 200 {
			t.Errorf("%s is served", path)
		}
		a.lacks(t, admin+":", "Second words.")
	}
	w.visitor.get("/lib/tpl/dokuwiki/images/logo.png").want(t, 200)
	w.visitor.get("/lib/tpl/dokuwiki/css/basic.less").want(t, 200)
}
