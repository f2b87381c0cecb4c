package dokuwiki

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fcgigw/fcgigw/test/harness"
)

const page = "/play:ground"

// save opens the editor of a page and sends its form.
func (w *wiki) save(t *testing.T, text, button string) *answer {
	t.Helper()
	form := w.admin.get(page + "?do=edit")
	form.want(t, 200, `name="wikitext"`)
	return w.admin.post(page+"?do=edit",
		"sectok", form.token(t), "id", "play:ground", "rev", "0", "prefix", ".", "suffix", "",
		"date", form.field(t, `name="date" value="([0-9]*)"`),
		"changecheck", form.field(t, `name="changecheck" value="([0-9a-f]*)"`),
		"target", "section", "wikitext", text, "summary", "by a test", button, "1")
}

func (w *wiki) edit(t *testing.T) {
	w.admin.get(page).want(t, 404, "This topic does not exist yet")
	w.save(t, "Nothing is **kept** of this.", "do[preview]").want(t, 200, "<strong>kept</strong>")
	w.admin.get(page).want(t, 404)

	a := w.save(t, "====== Play Ground ======\n\nFirst **words**.\n", "do[save]")
	a.want(t, 302)
	w.admin.follow(a).want(t, 200, `id="play_ground"`, "First <strong>words</strong>.")

	long := strings.Repeat("Ünïcödé & <markup> //slanted//. ", 4000) // more than the gateway's request_buffer
	a = w.save(t, "====== Play Ground ======\n\nSecond words.\n\n"+long, "do[save]")
	w.admin.follow(a).want(t, 200, "Second words.", "Ünïcödé &amp; &lt;markup&gt; <em>slanted</em>.")
	w.admin.get(page+"?do=revisions").want(t, 200, "by a test")

	raw := w.admin.get("/_export/raw" + page)
	raw.want(t, 200, long)
	if got := raw.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("the page's source has Content-Type %q", got)
	}
	head := w.admin.do(http.MethodHead, page, http.NoBody)
	head.want(t, 200)
	if len(head.body) > 0 {
		t.Errorf("HEAD was answered with %d bytes of body", len(head.body))
	}
}

func (w *wiki) source(t *testing.T) string {
	t.Helper()
	return readFile(t, filepath.Join(w.root, "data/pages/play/ground.txt"))
}

func (w *wiki) forge(t *testing.T) {
	before := w.source(t)
	form := w.admin.get(page + "?do=edit")
	a := w.admin.post(page, "sectok", strings.Repeat("0", 32), "id", "play:ground", "rev", "0",
		"date", form.field(t, `name="date" value="([0-9]*)"`), "prefix", "", "suffix", "",
		"wikitext", "Forged.", "do[save]", "1")
	w.admin.follow(a).want(t, 200, "Security Token did not match")
	if w.source(t) != before {
		t.Error("the page was changed by a form with a wrong token")
	}
}

// names asks for pages whose names mean something in a query: they must reach
// DokuWiki, which makes other names of them, as one parameter.
func (w *wiki) names(t *testing.T) {
	const editor = `name="wikitext"`
	w.admin.get(page+"?do=edit").want(t, 200, editor)
	for name, id := range map[string]string{
		"%26do=edit":       "play:ground_do_edit",
		"%26id=start":      "play:ground_id_start",
		"%23top":           "play:ground_top",
		"+and%20more":      "play:ground_and_more",
		"%25C3%25BC":       "play:ground_c3_bc",
		"_gr%C3%BC%C3%9Fe": "play:ground_gruesse",
	} {
		a := w.admin.get(page + name)
		a.want(t, 404, `<div class="pageId"><span>`+id+`</span></div>`)
		a.lacks(t, editor)
	}
}

func (w *wiki) visit(t *testing.T) {
	before := w.source(t)
	w.visitor.get(page).want(t, 200, "Second words.")
	w.visitor.get(page+"?do=edit").want(t, 200, `readonly="readonly"`)
	w.visitor.get("/play:other?do=edit").want(t, 200, "Permission Denied")
	for _, id := range []string{"play:ground", "play:other"} {
		a := w.visitor.post("/"+id, "sectok", "", "id", id, "wikitext", "Mine now.", "prefix", "", "suffix", "", "do[save]", "1")
		a.lacks(t, "Mine now.</p>")
	}
	if w.source(t) != before {
		t.Error("a visitor has changed the page")
	}
	if _, err := os.Stat(filepath.Join(w.root, "data/pages/play/other.txt")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a visitor has made a page: %v", err)
	}
	const users = "page=usermanager"
	w.admin.get(page+"?do=admin").want(t, 200, users)
	w.visitor.get(page+"?do=admin").lacks(t, users)
}

func (w *wiki) feed(t *testing.T) {
	a := w.visitor.get("/feed.php?type=rss2")
	a.want(t, 200)
	if got := a.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/xml") {
		t.Errorf("the feed has Content-Type %q", got)
	}
	var feed struct {
		Links []string `xml:"channel>item>link"`
	}
	if err := xml.Unmarshal(a.body, &feed); err != nil {
		t.Fatalf("%v\n%s", err, a.short())
	}
	want := w.visitor.base + page
	if !slices.ContainsFunc(feed.Links, func(to string) bool { return strings.HasPrefix(to, want) }) {
		t.Errorf("the feed links to %q, want %s among them", feed.Links, want)
	}
}

// search runs the task that every page asks for by an image in it: the answer
// is complete before the task is, and the worker goes on by itself.
func (w *wiki) search(t *testing.T) {
	const query, result = "/start?do=search&q=slanted", "search_fullpage_result"
	w.visitor.get(query).lacks(t, result)
	w.visitor.get("/lib/exe/taskrunner.php?id=play:ground").want(t, 200, "GIF89a")
	harness.Eventually(t, "the search does not find the page", func() bool {
		found := w.visitor.get(query)
		return found.StatusCode == 200 && strings.Contains(string(found.body), result)
	})
}

// crowd sends three times as many readers as there are workers.
func (w *wiki) crowd(t *testing.T) {
	const each = 5
	var readers sync.WaitGroup
	bad := make([]error, 3*children)
	for i := range bad {
		b := newBrowser(t, w.gateway.addr)
		readers.Go(func() { // ends after its requests
			for range each {
				a, err := b.send(http.MethodGet, page, http.NoBody)
				if err == nil && (a.StatusCode != 200 || !strings.HasSuffix(strings.TrimSpace(string(a.body)), "</html>")) {
					err = fmt.Errorf("%s, %d bytes", a.Status, len(a.body))
				}
				bad[i] = errors.Join(bad[i], err)
			}
		})
	}
	readers.Wait()
	if err := errors.Join(bad...); err != nil {
		t.Error(err)
	}
}

// pathInfo uses the addresses that DokuWiki writes when no server rewrites any.
func (w *wiki) pathInfo(t *testing.T) {
	writeFile(t, filepath.Join(w.root, "conf/local.protected.php"), "<?php\n$conf['userewrite'] = 2;\n")
	w.visitor.open("/doku.php/play:ground").want(t, 200, "Second words.", `href="/doku.php/start`)
	w.visitor.get("/lib/exe/fetch.php/play:form.png").want(t, 200, "\x89PNG")
}
