package worker

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFindPrefersPlainThenNewest(t *testing.T) {
	for name, tt := range map[string]struct {
		files []string
		want  string
	}{
		"plain":            {[]string{"b/php-fpm", "a/php-fpm8.4"}, "b/php-fpm"},
		"newest":           {[]string{"a/php-fpm8.2", "b/php-fpm8.10", "a/php-fpm7.4"}, "b/php-fpm8.10"},
		"without dot":      {[]string{"a/php-fpm81", "a/php-fpm83"}, "a/php-fpm83"},
		"opt, newest":      {[]string{"opt/php-8.1/sbin/php-fpm", "opt/remi/php83/root/usr/sbin/php-fpm"}, "opt/remi/php83/root/usr/sbin/php-fpm"},
		"opt after others": {[]string{"opt/php/sbin/php-fpm8.4", "a/php-fpm8.2"}, "a/php-fpm8.2"},
		"strange names":    {[]string{"a/php-fpm8.2-old", "a/php-fpm.sh", "a/php-fpm8.2"}, "a/php-fpm8.2"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for _, file := range tt.files {
				path := filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			got, err := find([]string{filepath.Join(root, "a"), filepath.Join(root, "b")}, filepath.Join(root, "opt"))
			if err != nil || got != filepath.Join(root, tt.want) {
				t.Errorf("found %s, %v", got, err)
			}
		})
	}
}

func TestFindTellsWhatToInstall(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "php-fpm"), nil, 0o644); err != nil { // not executable
		t.Fatal(err)
	}
	_, err := find([]string{dir}, t.TempDir())
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "apt install php-fpm") || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
}

func TestSearchDirsSkipsRelativeOnes(t *testing.T) {
	got := searchDirs(".:/a::bin:/a:/usr/sbin")
	if want := []string{"/a", "/usr/sbin", "/usr/local/sbin"}; !slices.Equal(got, want) {
		t.Errorf("dirs %v", got)
	}
}
