package sock

import (
	"errors"
	"net"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAnswersThatAPeerDoesNotReadAreBounded(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[0]), "")
	nc, err := net.FileConn(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	defer unix.Close(fds[1])
	w := wire{Conn: nc, rc: Raw(nc), records: new(Records), up: true}
	w.fn = w.flushOnce
	for range 100_000 { // as crypto/tls answers key updates
		if _, err = w.Write(make([]byte, 27)); err != nil {
			break
		}
	}
	if !errors.Is(err, errUnsent) {
		t.Fatalf("got %v", err)
	}
	if n := len(*w.out) - w.sent; n > maxUnsent {
		t.Errorf("%d bytes wait", n)
	}
	w.drop()
	if w.out != nil {
		t.Error("storage is kept")
	}
}

func FuzzRecordsEndWhereTheirHeadersSay(f *testing.F) {
	f.Add([]byte{23, 3, 3, 0, 2, 1, 2}, uint8(3))
	f.Add([]byte{23, 3, 3, 0, 0, 21, 3, 3, 255}, uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		var whole, parts framing
		whole.add(stream)
		for p := range slices.Chunk(stream, int(size)+1) {
			parts.add(p)
		}
		if whole != parts {
			t.Fatalf("%+v at once, %+v in parts", whole, parts)
		}
		rest := stream
		for len(rest) >= recordHeader && len(rest) >= recordHeader+int(rest[3])<<8+int(rest[4]) {
			rest = rest[recordHeader+int(rest[3])<<8+int(rest[4]):]
		}
		if whole.partial() != (len(rest) > 0) {
			t.Fatalf("partial is %v with %d bytes left", whole.partial(), len(rest))
		}
	})
}
