package config

// Gateway is the table [gateway].
type Gateway struct {
	DrainTimeout   Duration `toml:"drain_timeout" default:"30s" doc:"Longest wait for requests in flight after SIGTERM or SIGINT; SIGQUIT waits without a limit."`
	TempDir        string   `toml:"temp_dir" format:"abspath" doc:"Directory for bodies that do not fit in memory; empty is the system's directory for temporary files."`
	TempLimit      Size     `toml:"temp_limit" default:"4GiB" doc:"Most bytes that all bodies together may take in temporary files. Beyond it requests whose body needs a file get 503, and replies to clients that read too slowly are broken off, so that no worker waits for one."`
	MaxConnections int      `toml:"max_connections" default:"20000" min:"1" doc:"Most client connections at once; idle ones are closed first when it is reached."`
	Processors     string   `toml:"processors" default:"auto" enum:"auto|all" doc:"How many of the processors run the gateway's own code: auto uses one while there is little to do, which costs less for each request, and all as soon as there is more or something has to wait; all always uses all. The environment variable GOMAXPROCS and a container's limit bound both."`
	PIDFile        string   `toml:"pid_file" format:"abspath" doc:"File that holds the process id while the gateway runs; empty writes none."`
}

// Log is the table [log].
type Log struct {
	Level       string `toml:"level" default:"info" enum:"debug|info|warn|error" doc:"Least important messages that are written to the error log."`
	Format      string `toml:"format" default:"auto" enum:"auto|json|console" doc:"Form of both logs; auto is console on a terminal and json elsewhere."`
	Output      string `toml:"output" default:"stderr" format:"logdest" doc:"Where the error log goes: stderr, stdout, off or the absolute path of a file."`
	Access      string `toml:"access" default:"stdout" format:"logdest" doc:"Where the access log goes: stderr, stdout, off or the absolute path of a file."`
	StderrLines int    `toml:"stderr_lines" default:"50" doc:"Lines of an application's standard error kept for each request."`
	StderrBytes Size   `toml:"stderr_bytes" default:"16KiB" doc:"Bytes of an application's standard error kept for each request."`
}

// HTTP is the table [http].
type HTTP struct {
	HeaderTimeout     Duration `toml:"header_timeout" default:"15s" min:"1ms" doc:"Longest time from the first byte of a request to the end of its header."`
	KeepaliveTimeout  Duration `toml:"keepalive_timeout" default:"75s" doc:"How long a client connection may stay idle between two requests; 0 closes it after each."`
	KeepaliveRequests int      `toml:"keepalive_requests" default:"0" doc:"Most requests on one client connection; 0 is no limit."`
	BodyTimeout       Duration `toml:"body_timeout" default:"60s" min:"1ms" doc:"Longest wait between two reads of a request body."`
	SendTimeout       Duration `toml:"send_timeout" default:"60s" min:"1ms" doc:"Longest wait between two writes to a client."`
	MinBodyRate       Size     `toml:"min_body_rate" default:"240B" doc:"Bytes per second that a client must send of a request body, averaged: one that is slower is cut when it has been waited for body_timeout longer than its bytes were worth at this rate. 0 is no limit."`
	MinSendRate       Size     `toml:"min_send_rate" default:"240B" doc:"Bytes per second that a client must take of an answer that waits for it, averaged in the same way over send_timeout. 0 is no limit."`
	MaxRequestLine    Size     `toml:"max_request_line" default:"8KiB" min:"64" max:"1MiB" doc:"Longest request line; a longer one is answered with 414."`
	MaxHeaderLine     Size     `toml:"max_header_line" default:"16KiB" min:"64" max:"1MiB" doc:"Longest header line; a longer one is answered with 431."`
	MaxHeaderBytes    Size     `toml:"max_header_bytes" default:"64KiB" min:"256" max:"16MiB" doc:"Most bytes of all header lines together; more are answered with 431."`
	MaxHeaders        int      `toml:"max_headers" default:"100" min:"1" max:"10000" doc:"Most header lines; more are answered with 431."`
	MaxTrailerBytes   Size     `toml:"max_trailer_bytes" default:"8KiB" max:"1MiB" doc:"Most bytes of the trailer lines behind a chunked body."`
	UnderscoreHeaders []string `toml:"underscore_headers" format:"token" doc:"Names with an underscore or a dot that may pass; all other such headers are dropped."`
	Backlog           int      `toml:"backlog" default:"4096" min:"1" max:"65535" doc:"Connections the kernel may hold for a listener until they are accepted."`
	TrustedProxies    []string `toml:"trusted_proxies" format:"network" doc:"Addresses and networks of the proxies that are believed when they say who their client is and whether it came by https; \"unix\" is everybody on a unix socket. What others say is dropped."`
	ClientIPHeader    string   `toml:"client_ip_header" default:"X-Forwarded-For" format:"token" doc:"Header that the trusted proxies write the client's address to, Forwarded (RFC 7239) or any other. The client is the last address in it that is not a trusted proxy's."`
	ForwardedHost     bool     `toml:"forwarded_host" default:"false" doc:"Believe the trusted proxies also about the host that was asked for (X-Forwarded-Host, or host in Forwarded): it decides about the site and is HTTP_HOST. They must set it on every request."`
	Traceparent       string   `toml:"traceparent" default:"start" enum:"start|pass" doc:"Whether a request without a valid traceparent header begins a distributed trace (W3C Trace Context), whose id is the request's own and which is to be recorded; pass only hands on those that clients send."`
	HTTP2             bool     `toml:"http2" default:"true" doc:"Speak HTTP/2: by ALPN on the addresses that speak TLS, and on the others with clients that begin with it."`
	HTTP3             bool     `toml:"http3" default:"true" doc:"Speak HTTP/3 on the addresses that speak TLS, by UDP on the same port, and announce it there (Alt-Svc). Not on unix sockets and on \"systemd:NAME\", not where clients come by the PROXY protocol, and where systemd opened the TCP socket only if it opened one for UDP on the same port too."`
	ServerHeader      string   `toml:"server_header" default:"fcgigw" format:"value" doc:"Value of the Server response header; empty sends none."`
}
