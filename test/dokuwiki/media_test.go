package dokuwiki

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// noise makes a PNG image that hardly compresses.
func noise(t testing.TB, size int, seed uint64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			c := r.Uint32()
			img.SetNRGBA(x, y, color.NRGBA{R: uint8(c), G: uint8(c >> 8), B: uint8(c >> 16), A: 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// managerToken opens the media manager and returns its form's token.
func (w *wiki) managerToken(t *testing.T) string {
	t.Helper()
	a := w.admin.get("/lib/exe/mediamanager.php?ns=play")
	a.want(t, 200)
	return a.token(t)
}

func (w *wiki) uploadForm(t *testing.T) {
	content := noise(t, 400, 1)
	body, kind := multipartForm(t, map[string]string{
		"call": "mediaupload", "ns": "play", "mediaid": "form.png", "sectok": w.managerToken(t),
	}, "qqfile", "form.png", content)
	a := w.admin.do(http.MethodPost, "/lib/exe/ajax.php", body, "Content-Type", kind)
	w.checkUpload(t, a, "play:form.png", content)
}

// uploadChunked sends the file as DokuWiki's own uploader does, but without
// telling its length: PHP must see the true CONTENT_LENGTH all the same, and
// DokuWiki compares it with what it reads.
func (w *wiki) uploadChunked(t *testing.T) {
	content := noise(t, 1100, 2)
	q := url.Values{
		"call": {"mediaupload"}, "ns": {"play"}, "qqfile": {"chunked.png"}, "sectok": {w.managerToken(t)},
	}
	a := w.admin.do(http.MethodPost, "/lib/exe/ajax.php?"+q.Encode(), io.MultiReader(bytes.NewReader(content)),
		"Content-Type", "application/octet-stream")
	if a.Request.ContentLength > 0 {
		t.Fatalf("the body was sent with Content-Length %d, not in chunks", a.Request.ContentLength)
	}
	w.checkUpload(t, a, "play:chunked.png", content)
}

func (w *wiki) checkUpload(t *testing.T, a *answer, id string, content []byte) {
	t.Helper()
	a.want(t, 200)
	var result struct {
		Success bool
		ID      string
		Error   string
	}
	if err := json.Unmarshal(a.body, &result); err != nil || !result.Success || result.ID != id {
		t.Fatalf("upload: %v, %s", err, a.short())
	}
	for _, path := range []string{"/_media/" + id, "/lib/exe/fetch.php?media=" + id} {
		w.checkMedia(t, path, content)
	}
	w.visitor.get("/lib/exe/mediamanager.php?ns=play").want(t, 200, id)
	w.visitor.get("/_detail/"+id).want(t, 200, id[len("play:"):])
}

func (w *wiki) checkMedia(t *testing.T, path string, content []byte) {
	t.Helper()
	a := w.visitor.get(path)
	a.want(t, 200)
	if !bytes.Equal(a.body, content) {
		t.Fatalf("%s: %d bytes that differ from the %d sent", path, len(a.body), len(content))
	}
	if got := a.Header.Get("Content-Type"); got != "image/png" {
		t.Errorf("%s: Content-Type %q", path, got)
	}
	w.checkNotModified(t, path, a)
	part := w.visitor.get(path, "Range", "bytes=100-199")
	part.want(t, 206)
	if !bytes.Equal(part.body, content[100:200]) {
		t.Errorf("%s: a range of 100 bytes came as %d other bytes", path, len(part.body))
	}
}

// checkNotModified asks again for what a has brought.
func (w *wiki) checkNotModified(t *testing.T, path string, a *answer) {
	t.Helper()
	if a.Header.Get("Etag") == "" {
		t.Fatalf("%s: no ETag", path)
	}
	validators := []string{"If-Modified-Since", a.Header.Get("Last-Modified"), "If-None-Match", a.Header.Get("Etag")}
	again := w.visitor.get(path, validators...)
	again.want(t, 304)
	if len(again.body) > 0 || again.ContentLength > 0 {
		t.Errorf("%s: 304 with %d bytes", path, len(again.body))
	}
	stale := http.TimeFormat
	earlier := a.modified(t).Add(-time.Hour).Format(stale)
	w.visitor.get(path, "If-Modified-Since", earlier, "If-None-Match", `"other"`).want(t, 200)
}

func (w *wiki) scaledImage(t *testing.T) {
	w.follow(t, w.save(t, "Second words. {{play:form.png?32}} slanted", "do[save]"))
	src := w.visitor.get(page).field(t, `<img[^>]* src="(/_media/play:form\.png\?[^"]*)"`)
	a := w.visitor.get(src)
	a.want(t, 200)
	img, err := png.Decode(bytes.NewReader(a.body))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	if got := img.Bounds().Dx(); got != 32 {
		t.Errorf("%s is %d pixels wide, want 32", src, got)
	}
	w.visitor.get("/_media/play:form.png?w=33").want(t, 412) // no token for this size
}

func (w *wiki) follow(t *testing.T, a *answer) {
	t.Helper()
	w.admin.follow(a).want(t, 200)
}

func (w *wiki) assets(t *testing.T) {
	home := w.visitor.get(page)
	for _, pattern := range []string{
		`href="(/lib/exe/css\.php[^"]*)"`, `src="(/lib/exe/js\.php[^"]*)"`, `src="(/lib/exe/jquery\.php[^"]*)"`,
		`src="(/lib/tpl/dokuwiki/images/logo\.png)"`,
	} {
		path := home.field(t, pattern)
		a := w.visitor.get(path)
		a.want(t, 200)
		if len(a.body) < 1000 {
			t.Errorf("%s has %d bytes only", path, len(a.body))
		}
		w.checkNotModified(t, path, w.visitor.get(path))
	}
}
