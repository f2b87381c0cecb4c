package config

// Backend is one [backend.NAME] table.
type Backend struct {
	Pos               Pos      `toml:"-"`
	Protocol          string   `toml:"protocol" default:"fastcgi" enum:"fastcgi|http" doc:"Protocol the servers speak: fastcgi, or http for HTTP/1.1 servers such as gunicorn, uvicorn or puma, which get the request as the client sent it, whatever path it is (see http.md)."`
	Servers           []string `toml:"servers" format:"server" doc:"Addresses of the servers: \"unix:/path\", \"host:port\" or \"[v6]:port\"; required without a workers table."`
	RemoteRoot        string   `toml:"remote_root" format:"abspath" doc:"The root as the workers see it, for workers in a container; empty is the same path."`
	CheckFiles        bool     `toml:"check_files" default:"true" doc:"Look for the script beneath the local root before a worker is asked; false trusts the path, for roots the gateway cannot see."`
	MaxConns          int      `toml:"max_conns" default:"0" doc:"Most connections to each server, the number of its workers: pm.max_children of a php-fpm pool, the number of processes of a program made with libfcgi, each of which serves one connection at a time (1 for a single process). With a larger number requests wait inside php-fpm and nothing tells so but first_byte in the access log. The pool should not be shared with others, because kept connections occupy its workers. 0 is what php_fpm_config or the workers table says; without either it is unknown: one connection for each request, at most 128 at once (with protocol = \"http\" kept ones, at most 1024), unless a server that multiplexes tells (FCGI_MAX_CONNS)."`
	PHPFPMConfig      string   `toml:"php_fpm_config" format:"abspath" doc:"php-fpm's file for the pool, such as /etc/php/8.2/fpm/pool.d/www.conf: the number of workers is then pm.max_children of the pool that listens on the server's address, the smallest where servers differ. It is read at start and at reload; includes are not followed. max_conns counts before it."`
	KeepConn          string   `toml:"keep_conn" default:"auto" enum:"auto|on|off" doc:"Whether connections are kept between requests; auto does when the number of workers is known, and with protocol = \"http\"."`
	Multiplex         string   `toml:"multiplex" default:"auto" enum:"auto|on|off" doc:"Whether one connection carries several requests at once; auto asks the server, again with every new connection and whenever the server was away. One that refuses has a connection for each request. on does not ask, and must never be used with php-fpm: it takes interleaved requests for one, and clients get wrong answers."`
	Streams           int      `toml:"streams" default:"32" min:"1" max:"65535" doc:"Requests at once on one connection, where connections are shared (multiplex). There are at most max_conns such connections, so max_conns × streams requests run at once on each server, and more wait. Without max_conns there are as many connections as 128 requests need."`
	Queue             int      `toml:"queue" default:"1024" doc:"Requests that may wait for a worker of one server; more are answered with 503 at once. 0 lets none wait."`
	QueueTimeout      Duration `toml:"queue_timeout" default:"30s" doc:"Longest wait for a worker in the queue of one server; then the answer is 503. 0 is no limit."`
	ConnectTimeout    Duration `toml:"connect_timeout" default:"5s" min:"1ms" doc:"Longest wait for one connection to be accepted; then the answer is 504. A server that refuses connections is tried again until retry_timeout; then the answer is 502."`
	SendTimeout       Duration `toml:"send_timeout" default:"60s" min:"1ms" doc:"Longest wait between two writes to a server; then the answer is 504."`
	ReadTimeout       Duration `toml:"read_timeout" default:"60s" min:"1ms" doc:"Longest wait between two reads from a server; then the answer is 504."`
	RequestTimeout    Duration `toml:"request_timeout" default:"0" doc:"Longest time for a whole exchange with a backend, queue and attempts included; then the answer is 504. 0 is no limit."`
	IdleTimeout       Duration `toml:"idle_timeout" default:"1s" doc:"How long a kept connection to any of the servers may stay unused; short, because every kept connection occupies a php-fpm worker that others may be waiting for. 0 is no limit."`
	MinIdle           int      `toml:"min_idle" default:"0" doc:"Unused connections to each server that stay open when idle_timeout is over, so that the next requests need not open one. Nothing opens them ahead of time; warm_up does. Each holds one php-fpm worker that no other program can have meanwhile, so leave it at 0 unless the pool is the gateway's alone. There are never more than max_conns less one (all of them where connections are shared), and all are given up while the server seems to be short of workers."`
	WarmUp            int      `toml:"warm_up" default:"0" doc:"Connections opened to each server when the gateway starts, or a reload adds or changes the backend, if connections are kept; not when a server comes up later. At most max_conns. idle_timeout closes those that stay unused, but for min_idle."`
	MaxRequests       int      `toml:"max_requests" default:"0" doc:"Most requests on one connection, which ends at 90 to 100 percent of it so that not all end at once; 0 is no limit."`
	MaxLifetime       Duration `toml:"max_lifetime" default:"0" doc:"Longest life of a connection, which ends at 90 to 100 percent of it; 0 is no limit. Whatever it says, a connection that occupies a worker of a server not started by the gateway serves requests for 250 ms and is then replaced with the next one, so that a busy gateway leaves others their turn."`
	RequestBuffer     Size     `toml:"request_buffer" default:"64KiB" doc:"Bytes of a request body held in memory; the rest goes to a temporary file."`
	ResponseBuffer    Size     `toml:"response_buffer" default:"256KiB" doc:"Bytes of a reply held in memory for a slow client; the rest goes to a temporary file."`
	ResponseTemp      Size     `toml:"response_temp" default:"1GiB" doc:"Bytes of one reply held in a temporary file; beyond it the worker waits for the client, or on a multiplexed connection, where others would wait too, the reply is broken off. It is also broken off when temp_limit, the room for all bodies together, is reached: no worker waits then."`
	MaxResponseHeader Size     `toml:"max_response_header" default:"64KiB" min:"256" max:"16MiB" doc:"Largest header of a reply; a larger one is answered with 502."`
	Retry             []string `toml:"retry" default:"refused,closed,stale,overloaded" enum:"refused|closed|stale|overloaded|error|timeout|invalid_header|http_403|http_404|http_429|http_500|http_502|http_503|http_504|non_idempotent" doc:"Failures after which a request is sent again, as long as nothing of an answer has gone to the client. After refused, closed and overloaded no script has seen the request, so any method is repeated. After the others a script may have begun, so only GET, HEAD, OPTIONS, PUT, DELETE and TRACE are, or with non_idempotent all. running.md explains each name in a table."`
	Tries             int      `toml:"tries" default:"3" min:"1" max:"100" doc:"Attempts for one request, the first included. Connections that a server refuses within one attempt are not counted; retry_timeout bounds them."`
	RetryTimeout      Duration `toml:"retry_timeout" default:"10s" doc:"How long connections that a server refuses are tried again, counted from the first refusal that any request met, and how long after its first failure a request may begin another attempt. When the server has been away for longer, a request is answered with 502 at once if it is still refused. 0 waits for no server, and leaves the attempts to tries."`
	MaxTunnels        int      `toml:"max_tunnels" default:"1024" doc:"Most WebSocket and other connections that left HTTP at once (protocol = \"http\"); more are answered with 503. They are not counted in max_conns."`
	TunnelTimeout     Duration `toml:"tunnel_timeout" default:"1h" doc:"How long such a connection may stay without a byte in either direction; 0 is no limit. Servers and browsers send pings far more often."`
	Workers           *Workers `toml:"workers" doc:"Run php-fpm as a child of the gateway instead of naming servers."`
}

// Workers is the optional table [backend.NAME.workers].
type Workers struct {
	Pos         Pos               `toml:"-"`
	Binary      string            `toml:"binary" format:"abspath" doc:"Path of php-fpm; empty searches the usual places."`
	Count       int               `toml:"count" default:"0" max:"10000" doc:"Number of workers; 0 is two for each CPU, at least 4."`
	User        string            `toml:"user" format:"word" doc:"User the workers run as; needs root."`
	Group       string            `toml:"group" format:"word" doc:"Group the workers run as; needs root."`
	INI         map[string]string `toml:"ini" keyformat:"ini" format:"value" doc:"PHP settings that scripts cannot change (php_admin_value)."`
	MaxRequests int               `toml:"max_requests" default:"0" doc:"Requests after which a worker is replaced; 0 is never."`
	Env         map[string]string `toml:"env" keyformat:"param" format:"value" doc:"Environment variables of the workers."`
}
