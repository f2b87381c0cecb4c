package sock

// TryWriter is a connection that can be written to without waiting.
type TryWriter interface {
	// TryWrite writes what the kernel takes now of p and returns how much. The
	// rest was not written; that there is a rest is no error.
	//
	// What is written next, by whichever method, must begin with that rest: TLS
	// has put its first byte into a record already. Writing nothing more is fine.
	TryWrite(p []byte) (int, error)
}
