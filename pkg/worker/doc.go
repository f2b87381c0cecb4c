// Package worker runs one php-fpm master as a supervised child: it writes a
// pool configuration, starts php-fpm on a private unix socket, starts it again
// when it dies, and ends it with its owner.
//
// # No orphans
//
// php-fpm's workers outlive a master that is killed with SIGKILL (they keep
// accepting on the socket with init as their parent), and a master outlives
// whoever started it. Three measures close both gaps:
//
//   - The kernel sends the master SIGTERM when the gateway dies, however it
//     dies (PR_SET_PDEATHSIG). SIGTERM and not SIGKILL, because only a master
//     that handles its signal takes its workers along.
//   - That signal is tied to the thread that forked, so one goroutine stays
//     locked to its thread for the whole life of the master.
//   - The master leads a process group of its own. Whenever a master is gone,
//     for whatever reason, the rest of its group gets SIGKILL before the master
//     is reaped, while the group's number cannot have been given away.
//
// A group of its own also keeps a terminal's Ctrl-C from reaching php-fpm, so
// that the gateway alone decides the order of an orderly stop.
//
// # Privileges
//
// Started by root, php-fpm's master stays root and its workers change to
// Config.User; they never run as root unless Config.AllowRoot says so. Started
// by another user, workers run as that user and no other can be asked for.
package worker
