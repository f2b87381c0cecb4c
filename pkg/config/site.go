package config

// Site is one [[site]] table.
type Site struct {
	Pos              Pos               `toml:"-"`
	Name             string            `toml:"name" format:"value" doc:"Name in logs and metrics; empty is the first host, or \"default\" without one."`
	Listen           []string          `toml:"listen" default:":8080" format:"listen" doc:"Addresses to listen on: \":8080\" (all of IPv4 and IPv6), \"0.0.0.0:80\" (IPv4 only), \"[::]:80\" (IPv6 only, as in nginx), \"127.0.0.1:8080\", \"unix:/path\", \"unix:@name\" (abstract) or \"systemd:name\" (a socket that systemd opened). Two that cover each other cannot be open together."`
	Hosts            []string          `toml:"hosts" format:"host" doc:"Host names served: exact, \"*.example.org\", \"www.*\" or \"~regex\"; empty is any."`
	Default          bool              `toml:"default" default:"false" doc:"Serve the requests on these addresses whose host no site names."`
	Root             string            `toml:"root" format:"abspath" doc:"Directory of the site's files."`
	Index            []string          `toml:"index" default:"index.php,index.html" format:"filename" doc:"Files tried in order for a path that ends in a slash."`
	MaxBody          Size              `toml:"max_body" default:"64MiB" doc:"Largest request body; a larger one is answered with 413."`
	Dotfiles         string            `toml:"dotfiles" default:"deny" enum:"deny|allow" doc:"Whether path segments that start with a dot are served; /.well-known/ always is."`
	Symlinks         string            `toml:"symlinks" default:"beneath" enum:"beneath|owner|follow" doc:"Which symbolic links are followed: those that stay beneath the root, those whose target has the same owner, or all."`
	Scripts          []string          `toml:"scripts" default:"/index.php" format:"script" doc:"Scripts that may run: exact paths or patterns, \"*\" within a segment and \"**\" across; \"/**.php\" is any."`
	Params           map[string]string `toml:"params" keyformat:"param" format:"text" doc:"Variables for the script, set or replaced; values may hold $variables."`
	Headers          map[string]string `toml:"headers" keyformat:"token" format:"value" doc:"Response headers to set; an empty value removes the header."`
	Authorizer       string            `toml:"authorizer" doc:"Name of the backend that every location asks, as a FastCGI authorizer, whether it may answer (see roles.md)."`
	AuthorizerParams map[string]string `toml:"authorizer_params" keyformat:"param" format:"text" doc:"Variables for the authorizer, added to params; values may hold $variables."`
	Compression      string            `toml:"compression" default:"off" enum:"off|files|on" doc:"What is compressed for clients that want it: nothing, static files, or an application's answers too. See [compression], and docs/compression.md about pages that hold secrets."`
	Precompressed    []string          `toml:"precompressed" enum:"br|zstd|gzip" doc:"Codings in which a static file may lie beside itself, the preferred first: style.css.br, style.css.zst, style.css.gz. One that is not older than the file is sent to clients that take it."`
	TLS              *SiteTLS          `toml:"tls" doc:"The site over TLS. With it the site's plain addresses are [\":80\"] unless it sets \"listen\"."`
	Locations        []Location        `toml:"location" doc:"What answers a part of the site's paths; nginx's precedence decides among them."`
}

// Location is one [[site.location]] table. Load and Parse return it with the
// site's values where it sets none.
type Location struct {
	Pos               Pos               `toml:"-"`
	Match             string            `toml:"match" required:"true" format:"match" doc:"Paths it answers: \"/prefix\", \"= /exact\", \"^~ /prefix\", \"~ regex\", \"~* regex\" or \"@name\"."`
	Backend           string            `toml:"backend" doc:"Name of the backend that runs the scripts."`
	Role              string            `toml:"role" default:"responder" enum:"responder|filter" doc:"What the backend is asked to be: a responder runs the script that the path names, a filter makes the answer of the file that the path names (see roles.md)."`
	Root              string            `toml:"root" inherit:"true" format:"abspath" doc:"Directory of the files; the path is appended."`
	Alias             string            `toml:"alias" format:"abspath" doc:"Directory of the files; it replaces the matched prefix, so both or neither end in a slash."`
	Index             []string          `toml:"index" inherit:"true" format:"filename" doc:"Files tried in order for a path that ends in a slash."`
	TryFiles          []string          `toml:"try_files" format:"try" doc:"Paths tried in order; the last is where to go if none exists: a path, \"@name\" or \"=404\"."`
	Return            string            `toml:"return" format:"return" doc:"Fixed answer: \"404\", \"301 https://$host$request_uri\" or \"200 text\"."`
	Internal          bool              `toml:"internal" default:"false" doc:"Answer internal redirects only; a client gets 404."`
	MaxBody           Size              `toml:"max_body" inherit:"true" doc:"Largest request body; a larger one is answered with 413."`
	Dotfiles          string            `toml:"dotfiles" inherit:"true" enum:"deny|allow" doc:"Whether path segments that start with a dot are served."`
	Symlinks          string            `toml:"symlinks" inherit:"true" enum:"beneath|owner|follow" doc:"Which symbolic links are followed."`
	Scripts           []string          `toml:"scripts" inherit:"true" format:"script" doc:"Scripts that may run."`
	SplitPath         []string          `toml:"split_path" default:".php" format:"ext" doc:"Endings of a path segment where SCRIPT_NAME ends and PATH_INFO begins."`
	Params            map[string]string `toml:"params" inherit:"true" keyformat:"param" format:"text" doc:"Variables for the script, added to the site's; the same name wins over the site's."`
	Headers           map[string]string `toml:"headers" inherit:"true" keyformat:"token" format:"value" doc:"Response headers to set, added to the site's; the same name wins over the site's."`
	Authorizer        string            `toml:"authorizer" inherit:"true" doc:"Name of the backend that is asked, as a FastCGI authorizer, each time a request enters the location, whether it may (see roles.md); empty asks nobody."`
	AuthorizerParams  map[string]string `toml:"authorizer_params" inherit:"true" keyformat:"param" format:"text" doc:"Variables for the authorizer, added to params and to the site's; the same name wins over both."`
	InterceptErrors   bool              `toml:"intercept_errors" default:"false" doc:"Replace an application's answers of 400 and above by the gateway's own error pages."`
	IgnoreClientAbort bool              `toml:"ignore_client_abort" default:"false" doc:"Let a request run to its end although its client has left, and throw its answer away; request_timeout of the backend should bound it. Otherwise its connection is closed (on a shared one the request is aborted). PHP notices that only when it next writes output: a script that computes or sleeps goes on, and until it ends its worker is busy although the gateway counts it as free."`
	Upgrade           []string          `toml:"upgrade" default:"websocket" format:"token" doc:"Protocols that a client may switch to on a connection to an HTTP backend; other requests to switch are served as if they did not ask. Never name one that is HTTP again, such as h2c: its requests would reach the server unchecked."`
	StripPrefix       string            `toml:"strip_prefix" format:"abspath" doc:"Beginning of the path that an HTTP backend does not get, such as \"/app\"; X-Forwarded-Prefix tells it."`
	RequestHeaders    map[string]string `toml:"request_headers" keyformat:"token" format:"text" doc:"Request headers for an HTTP backend, set or replaced; values may hold $variables, and one that is empty is not sent."`
	DenySource        []string          `toml:"deny_source" default:".php*,.phtml,.phar,.inc,.phps" format:"suffix" doc:"Endings of file names that are never sent as static files, in any case."`
	Compression       string            `toml:"compression" inherit:"true" enum:"off|files|on" doc:"What is compressed for clients that want it: nothing, static files, or an application's answers too."`
	Precompressed     []string          `toml:"precompressed" inherit:"true" enum:"br|zstd|gzip" doc:"Codings in which a static file may lie beside itself, the preferred first."`
	EarlyHints        []string          `toml:"early_hints" format:"link" doc:"Link values sent to browsers that open a page, as 103 Early Hints, before the backend is asked: \"</style.css>; rel=preload; as=style\"."`
	Expires           Duration          `toml:"expires" default:"0" doc:"Cache-Control max-age of static files; 0 sends none."`
}
