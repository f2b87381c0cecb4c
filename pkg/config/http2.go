package config

// HTTP2 is the table [http2].
type HTTP2 struct {
	MaxStreams       int  `toml:"max_streams" default:"128" min:"1" max:"10000" doc:"Most requests that a client may have under way at once on one connection."`
	StreamWindow     Size `toml:"stream_window" default:"256KiB" min:"1KiB" max:"64MiB" doc:"Bytes of one request body that are taken from a client before the gateway has read them."`
	ConnectionWindow Size `toml:"connection_window" default:"1MiB" min:"64KiB" max:"256MiB" doc:"The same for all bodies of one connection together: what a client can make the gateway hold in memory."`
	WriteBuffer      Size `toml:"write_buffer" default:"64KiB" min:"32KiB" max:"16MiB" doc:"Bytes of responses that wait for one connection's socket."`
}
