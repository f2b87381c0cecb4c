package dokuwiki

import (
	"testing"
)

const (
	admin    = "ada"
	password = "correct horse & battery=staple"
)

// wiki is a DokuWiki behind a gateway, with the browsers of two people.
type wiki struct {
	gateway *gateway
	root    string
	admin   *browser
	visitor *browser
}

func TestDokuWikiIsInstalledAndUsedThroughTheGateway(t *testing.T) {
	requireDokuWiki(t)
	root := newWiki(t)
	g := startGateway(t, root, startPHP(t))
	w := &wiki{gateway: g, root: root, admin: newBrowser(t, g.addr), visitor: newBrowser(t, g.addr)}
	for _, step := range []struct {
		name string
		run  func(*wiki, *testing.T)
	}{
		{"the installer sets the wiki up", (*wiki).install},
		{"the installer is closed by a reload", (*wiki).closeInstaller},
		{"the administrator logs in", (*wiki).login},
		{"a page is written, changed and shown", (*wiki).edit},
		{"a form without the right token changes nothing", (*wiki).forge},
		{"the name of a page brings no parameters along", (*wiki).names},
		{"a visitor reads and cannot write", (*wiki).visit},
		{"a file uploaded by form is fetched byte for byte", (*wiki).uploadForm},
		{"a file uploaded as a chunked body is fetched byte for byte", (*wiki).uploadChunked},
		{"an image in a page comes scaled", (*wiki).scaledImage},
		{"styles and scripts are revalidated", (*wiki).assets},
		{"the feed lists the page", (*wiki).feed},
		{"the background task indexes the page for the search", (*wiki).search},
		{"data, configuration and code are not served", (*wiki).closed},
		{"more readers than workers are all served", (*wiki).crowd},
		{"the administrator logs out", (*wiki).logout},
		{"addresses with path info work", (*wiki).pathInfo},
	} {
		if !t.Run(step.name, func(t *testing.T) { w.bind(t); step.run(w, t) }) {
			t.Fatalf("the wiki cannot be used after this; the gateway wrote:\n%s", g.Output())
		}
	}
}

// bind makes failures of the browsers failures of the step that runs.
func (w *wiki) bind(t testing.TB) { w.admin.t, w.visitor.t = t, t }

func (w *wiki) install(t *testing.T) {
	w.admin.get("/install.php").want(t, 200, `name="d[superuser]"`)
	a := w.admin.post("/install.php", "l", "en", "submit", "", "d[title]", "A wiki & more", "d[acl]", "on",
		"d[superuser]", admin, "d[fullname]", "Ada L", "d[email]", "ada@example.org",
		"d[password]", password, "d[confirm]", password, "d[policy]", "1", "d[license]", "cc-by-sa")
	a.want(t, 200, "The configuration was finished successfully")
	w.visitor.open("/").want(t, 404, "A wiki &amp; more")
}

func (w *wiki) closeInstaller(t *testing.T) {
	w.gateway.configure(scriptsToUse)
	w.admin.get("/install.php").want(t, 404)
	w.admin.post("/install.php", "submit", "").want(t, 404)
}

func (w *wiki) login(t *testing.T) {
	w.admin.get("/start?do=edit").want(t, 200, "Permission Denied")
	form := w.admin.get("/start?do=login")
	form.want(t, 200)
	post := func(secret string) *answer {
		return w.admin.post("/start?do=login", "sectok", form.token(t), "id", "start", "do", "login", "u", admin, "p", secret)
	}
	post("wrong").want(t, 403, "username or password was wrong")
	a := post(password)
	a.want(t, 302)
	if got := a.Header.Get("Location"); got != w.admin.base+"/start" {
		t.Errorf("after the login: Location %q, want %s/start", got, w.admin.base)
	}
	w.admin.follow(a).want(t, 404, "Logged in as", "Ada L") // there is no such page yet
}

func (w *wiki) logout(t *testing.T) {
	page := w.admin.get("/play:ground")
	page.want(t, 200, "Logged in as")
	w.admin.follow(w.admin.get("/play:ground?do=logout&sectok="+page.token(t))).want(t, 200)
	w.admin.get("/play:ground").lacks(t, "Logged in as")
	w.admin.get("/play:ground?do=edit").want(t, 200, "readonly")
}
