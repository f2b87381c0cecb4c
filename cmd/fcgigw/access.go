package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/fcgigw/fcgigw/pkg/config"
)

// account is who the workers run as.
type account struct {
	name     string
	uid, gid int
	groups   []int // supplementary ones
}

// workerUser returns the account that php-fpm will switch to when the gateway
// was started by root; without a name that is the first of the usual ones.
func workerUser(name, group string) (*account, error) {
	who, err := lookUp(name)
	if err != nil {
		return nil, err
	}
	a := &account{name: who.Username}
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			if g, err = user.LookupGroupId(group); err != nil {
				return nil, fmt.Errorf("--group %s: no such group", group)
			}
		}
		who.Gid = g.Gid
	}
	if a.uid, err = strconv.Atoi(who.Uid); err != nil {
		return nil, err
	}
	if a.gid, err = strconv.Atoi(who.Gid); err != nil {
		return nil, err
	}
	ids, _ := who.GroupIds() // without them the check is only stricter
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil {
			a.groups = append(a.groups, n)
		}
	}
	return a, nil
}

// refuseRoot refuses workers that would run as root. The worker package does so
// too, but knows nothing of the flag that allows it.
func refuseRoot(cfg *config.Config) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for name, b := range cfg.Backends {
		if b.Workers == nil {
			continue
		}
		who, err := workerUser(b.Workers.User, b.Workers.Group)
		if err == nil && (who.uid == 0 || who.gid == 0) { // an error is the worker package's to report
			return usageError("backend %q: its workers would run as root; name another user, or allow it with --allow-root", name)
		}
	}
	return nil
}

func lookUp(name string) (*user.User, error) {
	if name == "" {
		who, err := user.Lookup("www-data")
		if err != nil {
			who, err = user.Lookup("nobody")
		}
		if err != nil {
			return nil, errors.New("neither www-data nor nobody exists; name a user with --user")
		}
		return who, nil
	}
	who, err := user.Lookup(name)
	if err != nil {
		if who, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("--user %s: no such user", name)
		}
	}
	return who, nil
}

// stoppedAt returns the first directory on the way to dir that the account
// cannot enter, or the file in dir that it cannot read if it exists, or "".
func (a *account) stoppedAt(dir, file string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	at := make(chan string, 1)
	go func() { // ends at once, and its thread with it: it must not be used again
		runtime.LockOSThread()
		at <- a.walk(dir, file)
	}()
	return <-at
}

// walk takes on the account's rights for files, on this thread only, and asks
// the kernel: that heeds access lists and mount options as well. setfsuid takes
// root's power over files away.
func (a *account) walk(dir, file string) string {
	if err := unix.Setgroups(a.groups); err != nil {
		return "" // not allowed to try: nothing is known
	}
	_ = unix.Setfsgid(a.gid)
	_ = unix.Setfsuid(a.uid)
	for i := range len(dir) + 1 {
		if i > 0 && (i == len(dir) || dir[i] == '/') {
			if _, err := os.Stat(dir[:i] + "/."); err != nil {
				return dir[:i]
			}
		}
	}
	path := filepath.Join(dir, file)
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return path
		}
		return ""
	}
	f.Close()
	return ""
}
