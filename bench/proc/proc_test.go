package proc

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

func TestParseStatCountsFieldsFromTheEndOfTheName(t *testing.T) {
	cases := map[string]stat{
		"7 (nginx) S 3 7 7 0 -1 0 1 2 3 4 150 30 5 2 20 0 1 0 100 0 0": {
			parent: 3, user: 1550 * time.Millisecond, system: 320 * time.Millisecond,
		},
		"7 (a) S 9 (b) R 4 7 7 0 -1 0 1 2 3 4 1 2 0 0 20 0 1": {
			parent: 4, user: 10 * time.Millisecond, system: 20 * time.Millisecond,
		},
	}
	for line, want := range cases {
		if got, err := parseStat(line); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", line, got, err, want)
		}
	}
}

func TestParseStatRefusesWhatIsNoStatLine(t *testing.T) {
	for _, line := range []string{"", "7 (x) S 1 2", "7 (x) S x 7 7 0 -1 0 1 2 3 4 1 2 0 0 20"} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

func TestSizeFieldReadsKilobytes(t *testing.T) {
	status := "Name:\tx\nVmHWM:\t    1024 kB\nVmRSS:\t  12 kB\n"
	for name, want := range map[string]int64{"VmHWM:": 1 << 20, "VmRSS:": 12 << 10, "VmSwap:": 0} {
		if got := sizeField(status, name); got != want {
			t.Errorf("%s %d, want %d", name, got, want)
		}
	}
}

func TestSinceSubtractsTimesOnly(t *testing.T) {
	a := Usage{User: 5, System: 7, RSS: 100, Peak: 200}
	b := Usage{User: 15, System: 9, RSS: 300, Peak: 400, Processes: 2}
	if got, want := b.Since(a), (Usage{User: 10, System: 2, RSS: 300, Peak: 400, Processes: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestTreeHoldsGrandchildren(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'cat; true'; true")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil { // cat runs
		t.Fatal(err)
	}
	u, err := Tree(cmd.Process.Pid)
	if err != nil || u.Processes != 3 || u.RSS <= 0 || u.Peak < u.RSS {
		t.Errorf("%+v, %v", u, err)
	}
	ids, err := Descendants(os.Getpid())
	if err != nil || ids[0] != os.Getpid() || !slices.Contains(ids, cmd.Process.Pid) {
		t.Errorf("descendants of the test: %v, %v", ids, err)
	}
}

func TestAProcessThatIsNotThereIsGone(t *testing.T) {
	if _, err := Tree(1 << 30); !errors.Is(err, ErrGone) {
		t.Errorf("error %v", err)
	}
}
