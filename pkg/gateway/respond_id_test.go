package gateway

import (
	"strings"
	"testing"
)

func TestNoIdentifierWritesMarkupInAnErrorPage(t *testing.T) {
	page := string(errorBody(404, []byte(`<script>a</script>&"'`)))
	if strings.Contains(page, "<script") || !strings.Contains(page, "request &lt;script&gt;a&lt;/script&gt;&amp;&#34;&#39;</code>") {
		t.Errorf("%s", page)
	}
	if page := string(errorBody(404, []byte("a/b+c=:@_.9-Z"))); !strings.Contains(page, "request a/b+c=:@_.9-Z</code>") {
		t.Errorf("%s", page)
	}
}
