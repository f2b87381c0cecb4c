package dokuwiki

import (
	"bytes"
	"errors"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/test/harness"
)

// browser is one person's: it keeps cookies and follows no redirects.
type browser struct {
	t    testing.TB
	base string
	http *http.Client
}

// answer is a response that has been read to its end.
type answer struct {
	*http.Response
	body []byte
}

// newBrowser has no cookies yet.
func newBrowser(t testing.TB, addr string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, base: "http://" + addr, http: &http.Client{
		Jar: jar, Transport: transport, Timeout: harness.Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do sends a request; header holds names and values by turns.
func (b *browser) do(method, path string, body io.Reader, header ...string) *answer {
	b.t.Helper()
	a, err := b.send(method, path, body, header...)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// send is do for goroutines that may not end the test.
func (b *browser) send(method, path string, body io.Reader, header ...string) (*answer, error) {
	req, err := http.NewRequest(method, b.base+path, body)
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(resp.Body)
	return &answer{resp, content}, errors.Join(err, resp.Body.Close())
}

func (b *browser) get(path string, header ...string) *answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, http.NoBody, header...)
}

// open is get with redirects followed.
func (b *browser) open(path string) *answer {
	b.t.Helper()
	return b.follow(b.get(path))
}

// post sends a form; fields holds names and values by turns.
func (b *browser) post(path string, fields ...string) *answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()),
		"Content-Type", "application/x-www-form-urlencoded")
}

// follow goes where redirects lead, ten at most.
func (b *browser) follow(a *answer) *answer {
	b.t.Helper()
	for range 10 {
		if a.StatusCode < 301 || a.StatusCode > 303 {
			return a
		}
		to, err := a.Location()
		if err != nil {
			b.t.Fatal(err)
		}
		if to.Host != a.Request.URL.Host {
			b.t.Fatalf("redirected away from the gateway: %s", to)
		}
		a = b.get(to.RequestURI())
	}
	b.t.Fatal("too many redirects")
	return nil
}

// multipartForm makes a form with one file and returns its content type.
func multipartForm(t testing.TB, fields map[string]string, file, name string, content []byte) (body *bytes.Buffer, kind string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	var errs []error
	for k, v := range fields {
		errs = append(errs, w.WriteField(k, v))
	}
	part, err := w.CreateFormFile(file, name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = part.Write(content)
	if err := errors.Join(append(errs, err, w.Close())...); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

// want holds the answer to a status and to texts of its body.
func (a *answer) want(t testing.TB, status int, texts ...string) {
	t.Helper()
	where := a.Request.Method + " " + a.Request.URL.RequestURI()
	if a.StatusCode != status {
		t.Fatalf("%s: %s, want %d\n%s", where, a.Status, status, a.short())
	}
	for _, text := range texts {
		if !strings.Contains(string(a.body), text) {
			t.Fatalf("%s: no %q in\n%s", where, text, a.short())
		}
	}
}

// lacks holds the answer to have none of texts in its body.
func (a *answer) lacks(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(string(a.body), text) {
			t.Fatalf("%s: %q in\n%s", a.Request.URL, text, a.short())
		}
	}
}

// short is enough of the body for a report: what is between the page's frame.
func (a *answer) short() []byte {
	_, content, ok := bytes.Cut(a.body, []byte("wikipage start"))
	if !ok {
		content = a.body
	}
	return content[:min(len(content), 2000)]
}

// field returns what the first group of pattern matches in the body.
func (a *answer) field(t testing.TB, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(a.body)
	if m == nil {
		t.Fatalf("%s: no match of %s in\n%s", a.Request.URL, pattern, a.short())
	}
	return html.UnescapeString(string(m[1]))
}

// token returns the value without which DokuWiki takes no form.
func (a *answer) token(t testing.TB) string {
	t.Helper()
	return a.field(t, `name="sectok" value="([0-9a-f]*)"`)
}

// modified returns the answer's Last-Modified.
func (a *answer) modified(t testing.TB) time.Time {
	t.Helper()
	at, err := http.ParseTime(a.Header.Get("Last-Modified"))
	if err != nil {
		t.Fatal(err)
	}
	return at
}
