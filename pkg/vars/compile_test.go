package vars_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/vars"
)

func TestUnknownVariablesNameTheNearest(t *testing.T) {
	for in, want := range map[string]string{
		"$request_ur":      "request_uri",
		"a${docment_root}": "document_root",
		"$nam":             "name",
		"$0":               "",
		"$zzzzzzzzzz":      "",
		"$http_":           "https",
		"$server":          "",
	} {
		_, err := vars.Compile(in, "name")
		var unknown *vars.UnknownError
		if !errors.As(err, &unknown) {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if want != "" && unknown.Nearest != want {
			t.Errorf("%q: nearest is %q, want %q", in, unknown.Nearest, want)
		}
		if !strings.Contains(err.Error(), "$"+unknown.Name) || !strings.Contains(err.Error(), unknown.Nearest) {
			t.Errorf("%q: %v", in, err)
		}
	}
	if _, err := vars.Compile("$name"); err == nil {
		t.Error("a group that does not exist is known")
	}
}

func TestBracesMustBeClosedAroundAName(t *testing.T) {
	for _, in := range []string{"${", "${uri", "a${}b", "${u-r}", "${ uri}"} {
		if _, err := vars.Compile(in); !errors.Is(err, vars.ErrSyntax) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestConstantTemplatesAreKnown(t *testing.T) {
	for in, want := range map[string]bool{"": true, "x": true, "$": true, "a$$-b": true, "p$pid": true, "$uri": false, "a$uri": false} {
		tpl, err := vars.Compile(in)
		if err != nil {
			t.Fatal(err)
		}
		s, constant := tpl.Constant()
		if constant != want || (constant && s != string(tpl.Append(nil, nil))) {
			t.Errorf("%q: %q, %v", in, s, constant)
		}
		if tpl.String() != in {
			t.Errorf("%q is written %q", in, tpl)
		}
	}
}

func TestVariablesThatAClientChoosesAreKnown(t *testing.T) {
	for in, want := range map[string]string{
		"$document_root/$server_port$scheme$status$pid": "",
		"x$HTTP_foo": "http_foo", "$server_name$uri": "uri", "$1": "1", "$name": "name", "$arg_x": "arg_x", "$cookie_x": "cookie_x",
		"$host": "host", "$args": "args", "$request_uri": "request_uri", "$request_method": "request_method", "$fastcgi_path_info": "fastcgi_path_info",
	} {
		tpl, err := vars.Compile(in, "name")
		if err != nil {
			t.Fatal(err)
		}
		if got, found := tpl.ClientVariable(); got != want || found != (want != "") {
			t.Errorf("%q: %q, %v", in, got, found)
		}
	}
	tpl, err := vars.Compile("$uri-$pid-${ARGS}$uri")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tpl.Names(), ","); got != "uri,args,uri" {
		t.Errorf("names %q", got)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	var all strings.Builder
	for _, name := range vars.Known() {
		if strings.HasPrefix(name, "ssl_client_") {
			continue // made of a certificate, for the few who ask
		}
		all.WriteString("$" + strings.Replace(name, "NAME", "foo", 1) + " ")
	}
	tpl, err := vars.Compile(all.String() + "$cookie_sid $arg_bar $http_x_two")
	if err != nil {
		t.Fatal(err)
	}
	e, dst := env(), make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(200, func() { dst = tpl.Append(dst[:0], e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"$uri", "${uri}", "$", "$$", "${", "a$1b$10", "$http_x-y", "${}", "$arg_"} {
		f.Add(s, "a=1&b", "a=1; b")
	}
	f.Fuzz(func(t *testing.T, s, args, cookie string) {
		tpl, err := vars.Compile(s, "name")
		if err != nil {
			var unknown *vars.UnknownError
			if !errors.As(err, &unknown) && !errors.Is(err, vars.ErrSyntax) {
				t.Fatalf("%v", err)
			}
			return
		}
		e := env()
		e.Args = []byte(args)
		e.X.Request.Header.AddString("cookie", cookie)
		out := tpl.Append([]byte("before"), e)
		if !strings.HasPrefix(string(out), "before") {
			t.Fatalf("%q lost what was there", out)
		}
		if !strings.Contains(s, "$") && string(out) != "before"+s {
			t.Fatalf("%q became %q", s, out)
		}
		if text, constant := tpl.Constant(); constant && string(out) != "before"+text {
			t.Fatalf("constant %q is %q", text, out)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	tpl, err := vars.Compile("$scheme://$host$request_uri $http_user_agent")
	if err != nil {
		b.Fatal(err)
	}
	e, dst := env(), make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		dst = tpl.Append(dst[:0], e)
	}
}
