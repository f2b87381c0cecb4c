package certs_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
)

func TestALogOfACMESaysWhatToDo(t *testing.T) {
	page := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>welcome</html>"))
	}))
	defer page.Close()
	root := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: page.Certificate().Raw}))
	for _, c := range []struct {
		name, hint string
		trusted    bool
	}{
		{"no directory", "is directory in [acme] the URL of an ACME directory", true},
		{"another CA", "name its root in ca_root of [acme]", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, certs.Options{})
			cfg := certs.Config{
				Listens: listens(&certs.Site{Name: "a", Hosts: []string{"a.test"}}),
				ACME:    certs.ACME{Directory: page.URL + "/", Storage: r.path("acme"), HTTPAddr: "127.0.0.1:80"},
			}
			if c.trusted {
				cfg.ACME.CARoot = certstest.WriteFile(t, r.path("root.pem"), []byte(root))
			}
			set, err := r.Prepare(cfg)
			if err != nil {
				t.Fatal(err)
			}
			r.Use(set)
			eventually(t, patient, "the log has a hint", func() bool {
				for _, e := range r.logs.All() {
					if hint, ok := e.ContextMap()["hint"].(string); ok && strings.Contains(hint, c.hint) {
						return true
					}
				}
				return false
			})
			r.Close()
			for _, e := range r.logs.All() {
				if text, _ := e.ContextMap()["error"].(string); strings.Contains(text, "context canceled") {
					t.Errorf("the end is reported as a failure: %s: %s", e.Message, text)
				}
			}
		})
	}
}
