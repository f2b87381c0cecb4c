// Package compress encodes response bodies on their way to the client: zstd, br
// and gzip, as the client's Accept-Encoding says.
//
// A Compressor is what one configuration says; a Filter is one response. The
// filter stands in front of the listener's sink and keeps the sink's contract: it
// never waits in TryWrite, what was written without an end is readable for the
// client at once, and a response that was broken off stays visibly incomplete,
// because the end of an encoded body is written with the last byte only.
//
// Encoders are the memory of this package: about 1 MiB each on the level "fast",
// up to 2 MiB on "default" and up to 5 MiB on "best". They are shared by all
// responses, and their number is bounded: who finds none is answered unencoded.
package compress
