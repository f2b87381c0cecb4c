package proc

import (
	"errors"
	"os"
	"testing"
)

func TestDescriptorsCountsWhatIsOpen(t *testing.T) {
	before, err := Descriptors(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	if after, err := Descriptors(os.Getpid()); err != nil || after != before+5 {
		t.Errorf("%d, then %d with five files more, %v", before, after, err)
	}
}

func TestDescriptorsOfNoProcess(t *testing.T) {
	if _, err := Descriptors(1 << 30); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}
