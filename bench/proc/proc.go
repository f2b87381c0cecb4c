// Package proc reads what a process and all its descendants have used, from
// /proc (see proc(5)).
package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ, which is 100 on
// every Linux that Go runs on.
const tick = 10 * time.Millisecond

// ErrGone says that no process has the asked id (any more).
var ErrGone = errors.New("proc: no such process")

// Usage is what a process tree has used up to now.
type Usage struct {
	User, System time.Duration // of living members and of children they have waited for
	RSS          int64         // bytes resident now, pages shared between members counted in each
	Peak         int64         // sum of each member's largest RSS
	Processes    int
}

// CPU is the user and system time together.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// Since returns the times used since an earlier sample of the same tree; the
// other fields stay as they are.
func (u Usage) Since(earlier Usage) Usage {
	u.User -= earlier.User
	u.System -= earlier.System
	return u
}

// Tree samples the process pid and all its descendants.
func Tree(pid int) (Usage, error) {
	ids, err := Descendants(pid)
	if err != nil {
		return Usage{}, err
	}
	var sum Usage
	for _, id := range ids {
		u, err := one(id)
		if errors.Is(err, ErrGone) && id != pid {
			continue // ended just now: its parent's waited-for times have it
		}
		if err != nil {
			return Usage{}, err
		}
		sum.User += u.User
		sum.System += u.System
		sum.RSS += u.RSS
		sum.Peak += u.Peak
		sum.Processes++
	}
	return sum, nil
}

// One samples the process pid alone.
func One(pid int) (Usage, error) {
	u, err := one(pid)
	u.Processes = 1
	return u, err
}

// Descendants returns pid and the ids of all its descendants, pid first.
func Descendants(pid int) ([]int, error) {
	if _, err := readStat(pid); err != nil {
		return nil, err
	}
	children, err := childrenByParent()
	if err != nil {
		return nil, err
	}
	ids := []int{pid}
	for i := 0; i < len(ids); i++ {
		ids = append(ids, children[ids[i]]...)
	}
	return ids, nil
}

func childrenByParent() (map[int][]int, error) {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if st, err := readStat(pid); err == nil {
			children[st.parent] = append(children[st.parent], pid)
		}
	}
	return children, nil
}

func one(pid int) (Usage, error) {
	st, err := readStat(pid)
	if err != nil {
		return Usage{}, err
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Usage{}, ErrGone
	}
	return Usage{
		User:   st.user,
		System: st.system,
		RSS:    sizeField(string(b), "VmRSS:"),
		Peak:   sizeField(string(b), "VmHWM:"),
	}, nil
}

// stat is what is needed of /proc/PID/stat.
type stat struct {
	parent       int
	user, system time.Duration
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, ErrGone
	}
	return parseStat(string(b))
}

// parseStat reads a line of /proc/PID/stat. The command name, in parentheses,
// may itself hold spaces and parentheses: fields are counted from its end.
func parseStat(line string) (stat, error) {
	f := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(f) < 15 {
		return stat{}, fmt.Errorf("proc: stat line %q too short", line)
	}
	var n [5]int64
	for i, field := range []int{1, 11, 12, 13, 14} { // ppid utime stime cutime cstime
		v, err := strconv.ParseInt(f[field], 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("proc: stat line %q: %w", line, err)
		}
		n[i] = v
	}
	return stat{
		parent: int(n[0]),
		user:   time.Duration(n[1]+n[3]) * tick,
		system: time.Duration(n[2]+n[4]) * tick,
	}, nil
}

// sizeField reads a size in kB from the text of /proc/PID/status and returns
// bytes; 0 if the field is missing, as it is for a zombie.
func sizeField(status, name string) int64 {
	_, after, found := strings.Cut(status, "\n"+name)
	f := strings.Fields(after)
	if !found || len(f) == 0 {
		return 0
	}
	kb, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}
