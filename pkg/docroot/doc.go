// Package docroot finds files beneath a document root and lets the kernel, not
// string handling, keep every lookup inside it.
//
// A Root pins the real directory behind its path by a descriptor. Lookups start
// at that descriptor with openat2(2): first without following any symlink, the
// common case, in which the real path is known without further calls; then as
// the Root's Symlinks mode allows. The root's path itself may be a symlink, as
// deploys by symlink swap have it: it is resolved anew at most once per
// Options.Valid, and a swap drops every remembered answer. Paths handed out are
// real paths, so a script runs under the release it was found in.
//
// # What is and is not safe against races
//
// Open returns the very object that was checked. A RealPath is text: a process
// that opens it later (php-fpm) resolves it again, so whoever may write beneath
// the root can swap a directory for a symlink in between. Lookup answers may be
// up to Options.Valid old; Open never returns a stale file but may for as long
// miss one created just now.
//
// # Needs
//
// Linux with /proc mounted. Kernels before 5.6, and sandboxes that refuse
// openat2, are served by os.Root (Beneath) or step by step (Owner).
package docroot
