package sock

// TryWriter is a connection that can be written to without waiting.
type TryWriter interface {
	// TryWrite writes what the kernel takes now of p and returns how much. The
	// rest was not written; that there is a rest is no error.
	TryWrite(p []byte) (int, error)
}
