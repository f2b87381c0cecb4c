// Package exchange is the one request and response that every listener makes
// and every handler sees, whatever the protocol on either side.
//
// # Ownership
//
// An Exchange belongs to the listener that made it. It and every byte slice
// reachable from it are valid until Handler.Serve returns; nothing may keep
// them longer. Slices in Request alias the listener's read buffer and must not
// be written to. Slices put into Response may come from Exchange.Alloc, which
// lives as long. One goroutine at a time uses an Exchange; a handler that
// starts another one waits for it before it returns.
package exchange
