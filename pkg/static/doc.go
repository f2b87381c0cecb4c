// Package static answers GET and HEAD with a file beneath a document root:
// validators and preconditions (RFC 9110 sections 8.8 and 13), ranges (section
// 14) and a body that never passes for complete when it is not.
//
// Directories, index files and fallbacks are not its business, nor are error
// pages: what it cannot serve it returns as an error before anything was sent.
// It never serves names that would show source text (Deny).
package static
