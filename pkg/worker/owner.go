package worker

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// identity says who the workers run as and who may use the socket.
type identity struct {
	switches       bool // started by root: php-fpm changes to user and group
	user, group    string
	asRoot         bool // needs php-fpm -R
	ownUID, ownGID int  // the gateway itself, owner of the socket
}

// system is what identify needs to know of the machine.
type system struct {
	uid, gid    int
	lookupUser  func(nameOrID string) (*user.User, error)
	lookupGroup func(nameOrID string) (*user.Group, error)
}

func thisSystem() system {
	return system{uid: os.Geteuid(), gid: os.Getegid(), lookupUser: lookupUser, lookupGroup: lookupGroup}
}

// identify decides who the workers run as. Errors wrap ErrRoot or ErrConfig.
func identify(c *Config, sys system) (identity, error) {
	id := identity{ownUID: sys.uid, ownGID: sys.gid}
	if sys.uid != 0 {
		return id, checkSelf(c, sys)
	}
	id.switches = true
	who, err := workerUser(c.User, sys)
	if err != nil {
		return id, err
	}
	group, err := workerGroup(c.Group, who.Gid, sys)
	if err != nil {
		return id, err
	}
	id.user, id.group, id.asRoot = who.Username, group.Name, who.Uid == "0" || group.Gid == "0"
	if id.asRoot && !c.AllowRoot {
		return id, fmt.Errorf("%w (user %s, group %s): set another user, or allow it", ErrRoot, id.user, id.group)
	}
	return id, nil
}

// workerUser finds the user by name or number; without one, the first that
// exists of those meant for this.
func workerUser(name string, sys system) (*user.User, error) {
	if name != "" {
		who, err := sys.lookupUser(name)
		if err != nil {
			return nil, fmt.Errorf("%w: user %q: %w", ErrConfig, name, err)
		}
		return who, nil
	}
	for _, candidate := range []string{"www-data", "nobody"} {
		if who, err := sys.lookupUser(candidate); err == nil {
			return who, nil
		}
	}
	return nil, fmt.Errorf("%w: neither www-data nor nobody exists: name a user for the workers", ErrConfig)
}

func workerGroup(name, gid string, sys system) (*user.Group, error) {
	if name == "" {
		name = gid
	}
	group, err := sys.lookupGroup(name)
	if err != nil {
		return nil, fmt.Errorf("%w: group %q: %w", ErrConfig, name, err)
	}
	return group, nil
}

// checkSelf refuses a user or group that an ordinary user cannot give to
// php-fpm, which would ignore it with no more than a notice.
func checkSelf(c *Config, sys system) error {
	if c.User != "" {
		who, err := sys.lookupUser(c.User)
		if err != nil || who.Uid != strconv.Itoa(sys.uid) {
			return fmt.Errorf("%w: only root can run workers as user %q", ErrConfig, c.User)
		}
	}
	if c.Group != "" {
		group, err := sys.lookupGroup(c.Group)
		if err != nil || group.Gid != strconv.Itoa(sys.gid) {
			return fmt.Errorf("%w: only root can run workers as group %q", ErrConfig, c.Group)
		}
	}
	return nil
}

func lookupUser(nameOrID string) (*user.User, error) {
	who, err := user.Lookup(nameOrID)
	if _, numErr := strconv.ParseUint(nameOrID, 10, 32); err != nil && numErr == nil {
		return user.LookupId(nameOrID)
	}
	return who, err
}

func lookupGroup(nameOrID string) (*user.Group, error) {
	group, err := user.LookupGroup(nameOrID)
	if _, numErr := strconv.ParseUint(nameOrID, 10, 32); err != nil && numErr == nil {
		return user.LookupGroupId(nameOrID)
	}
	return group, err
}
