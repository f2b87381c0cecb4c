package integration

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

// whereAmI tells the paths that PHP sees.
const whereAmI = `<?php echo $_SERVER['SCRIPT_FILENAME'], ' ', $_SERVER['DOCUMENT_ROOT'], ' ', __FILE__;`

func TestARemoteRootIsWherePHPFindsTheScripts(t *testing.T) {
	f := startFPM(t, fpmConf{children: 1})
	local := docroot(t, "index.php", "not run by anyone", "app/a.php", "nor this")
	remote := docroot(t, "index.php", whereAmI, "app/a.php", whereAmI)
	g := startGateway(t, &site{
		root: local, server: f.server(), conns: 1, backend: `remote_root = "` + remote + `"`,
	})
	g.get("/").expect(t, 200, remote+"/index.php "+remote+" "+remote+"/index.php")
	g.get("/app/a.php").expect(t, 200, remote+"/app/a.php "+remote+" "+remote+"/app/a.php")
}

func TestARemoteRootIsEnoughWithoutLocalFiles(t *testing.T) {
	f := startFPM(t, fpmConf{children: 1})
	remote := docroot(t, "index.php", whereAmI, "a.php", whereAmI)
	g := startGateway(t, &site{
		root: docroot(t), server: f.server(), conns: 1,
		backend: "check_files = false\nremote_root = \"" + remote + "\"",
	})
	g.get("/a.php").expect(t, 200, remote+"/a.php "+remote+" "+remote+"/a.php")
}

func TestAWrongRemoteRootIsExplainedInTheLog(t *testing.T) {
	f := startFPM(t, fpmConf{children: 1})
	g := startGateway(t, &site{
		root: docroot(t, "index.php", whereAmI), server: f.server(), conns: 1,
		backend: `remote_root = "/var/www/elsewhere"`,
	})
	if a := g.get("/lost"); a.StatusCode != 404 {
		t.Errorf("status %d, want 404", a.StatusCode)
	}
	g.awaitLog("php-fpm has no such script", "/var/www/elsewhere/index.php", "set remote_root to the root inside php-fpm's")
}

func TestADeployBySymlinkSwapChangesTheScript(t *testing.T) {
	f := startFPM(t, fpmConf{children: 1})
	releases := docroot(t, "1/index.php", `<?php echo "one ", __DIR__;`, "2/index.php", `<?php echo "two ", __DIR__;`)
	current := filepath.Join(releases, "current")
	swap := func(to string) {
		t.Helper()
		next := current + ".next"
		if err := os.Symlink(to, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, current); err != nil {
			t.Fatal(err)
		}
	}
	swap("1")
	g := startGateway(t, &site{root: current, server: f.server(), conns: 1})
	g.get("/").expect(t, 200, "one "+releases+"/1")
	swap("2")
	harness.Eventually(t, "the new release is not served", func() bool {
		return g.get("/").body == "two "+releases+"/2"
	})
}
