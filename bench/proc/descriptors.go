package proc

import (
	"fmt"
	"os"
)

// Descriptors counts the open descriptors of pid and all its descendants.
func Descriptors(pid int) (int, error) {
	ids, err := Descendants(pid)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, id := range ids {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", id))
		if err != nil && id == pid {
			return 0, ErrGone
		}
		n += len(fds) // of a child that has ended just now: none
	}
	return n, nil
}
