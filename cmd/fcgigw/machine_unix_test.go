package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileThatIsInTheWayOfASocketIsSeen(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "file"), filepath.Join(dir, "socket")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for path, want := range map[string]string{
		file: "no socket is in the way", dir: "no socket is in the way", socket: "", dir + "/new": "", dir + "/none/s": dir + "/none",
	} {
		err := listenable(path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
