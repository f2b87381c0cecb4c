// Package spool keeps request and response bodies in memory up to a bound and
// in a temporary file beyond it, so that a worker never waits for a client.
//
// There are two shapes. A Buffer is written once, then read as often as
// needed: a request body, which may have to be replayed. A Queue is read by one
// goroutine while another writes it and forgets what was read: a reply on its
// way to a client that may be slow. A reply larger than the memory allowed to
// it, but read fast enough, never touches the disk.
//
// Both belong to a Store, which bounds all of them together and counts what
// they hold. Memory comes from pooled chunks of 4, 16 and 64 KiB and is
// accounted by what a chunk takes, not by what is used of it. Temporary files
// have no name (O_TMPFILE, or unlinked at once), so that a crash leaves none.
package spool
