package worker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunDirRefusesWhatOthersControl(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"world writable": open,
		"file":           file,
		"symlink":        link,
		"quote":          filepath.Join(t.TempDir(), "it's"),
		"newline":        filepath.Join(t.TempDir(), "a\nb"),
		"too long":       filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath)),
	} {
		if _, err := openRunDir(dir); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunDirThatExistedIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := openRunDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.conf(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.remove()
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 0 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}
