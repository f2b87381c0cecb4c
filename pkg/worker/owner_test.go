package worker

import (
	"os/user"
	"strings"
	"testing"
)

// fakeSystem knows the users given as "name:uid:gid" and a group for each.
func fakeSystem(uid int, accounts ...string) system {
	sys := system{uid: uid, gid: uid}
	split := func(key string) []string {
		for _, a := range accounts {
			if f := strings.Split(a, ":"); f[0] == key || f[1] == key {
				return f
			}
		}
		return nil
	}
	sys.lookupUser = func(key string) (*user.User, error) {
		if f := split(key); f != nil {
			return &user.User{Username: f[0], Uid: f[1], Gid: f[2]}, nil
		}
		return nil, user.UnknownUserError(key)
	}
	sys.lookupGroup = func(key string) (*user.Group, error) {
		if f := split(key); f != nil {
			return &user.Group{Name: f[0], Gid: f[2]}, nil
		}
		return nil, user.UnknownGroupError(key)
	}
	return sys
}

func TestIdentify(t *testing.T) {
	root, www, nobody, me := "root:0:0", "www-data:33:33", "nobody:65534:65534", "me:1000:1000"
	for name, tt := range map[string]struct {
		conf Config
		sys  system
		want string // user:group or an error
	}{
		"root takes www-data":        {Config{}, fakeSystem(0, root, nobody, www), "www-data:www-data"},
		"root takes nobody":          {Config{}, fakeSystem(0, root, nobody), "nobody:nobody"},
		"root finds nobody":          {Config{}, fakeSystem(0, root), "bad configuration"},
		"root takes the one asked":   {Config{User: "me"}, fakeSystem(0, root, www, me), "me:me"},
		"by number":                  {Config{User: "1000", Group: "33"}, fakeSystem(0, root, www, me), "me:www-data"},
		"unknown user":               {Config{User: "you"}, fakeSystem(0, root, www), "unknown user you"},
		"unknown group":              {Config{Group: "you"}, fakeSystem(0, root, www), "unknown group you"},
		"root itself":                {Config{User: "root"}, fakeSystem(0, root, www), "would run as root"},
		"root by number":             {Config{User: "0"}, fakeSystem(0, root, www), "would run as root"},
		"another name for root":      {Config{User: "toor"}, fakeSystem(0, "toor:0:33", www), "would run as root"},
		"root's group":               {Config{Group: "root"}, fakeSystem(0, root, www), "would run as root"},
		"root allowed":               {Config{User: "root", AllowRoot: true}, fakeSystem(0, root, www), "root:root"},
		"ordinary user":              {Config{}, fakeSystem(1000, root, www, me), ":"},
		"ordinary user names itself": {Config{User: "me", Group: "me"}, fakeSystem(1000, root, www, me), ":"},
		"ordinary user, other user":  {Config{User: "www-data"}, fakeSystem(1000, root, www, me), "only root"},
		"ordinary user, other group": {Config{Group: "www-data"}, fakeSystem(1000, root, www, me), "only root"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := identify(&tt.conf, tt.sys)
			got := id.user + ":" + id.group
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s", got)
			}
			if err == nil && id.switches != (tt.sys.uid == 0) {
				t.Errorf("switches = %v", id.switches)
			}
		})
	}
}
