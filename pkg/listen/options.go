package listen

// Options are what may be set for one listening address. The zero value is the
// system's defaults.
type Options struct {
	// Backlog is the kernel's queue of connections not yet accepted; 0 is the
	// system's maximum.
	Backlog int
	// Mode, User and Group are those of a unix socket's file. Mode 0 is
	// DefaultMode; the names may be numbers, and empty ones leave the process's.
	Mode        uint32
	User, Group string
	// ReusePort lets other sockets of the same user, which say so too, have the
	// same address (SO_REUSEPORT); the kernel spreads connections over them.
	ReusePort bool
	// Inherited, if not nil, is looked through for a socket of this address before
	// a new one is made. Its options are then whoever's made it.
	Inherited *Inherited
}

// DefaultMode is for programs of the socket's user and group.
const DefaultMode = 0o660
