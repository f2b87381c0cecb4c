package rig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// The gateways that can be started.
const (
	Nginx     = "nginx"      // kept backend connections where Backend.Keep says so
	NginxKept = "nginx-kept" // kept backend connections always
	Caddy     = "caddy"
	Fcgigw    = "fcgigw"
)

// Backend is the FastCGI responder behind a gateway.
type Backend struct {
	// Socket is its unix socket, empty if there is none (static files only).
	// fcgigw also takes an IPv4 address with a port.
	Socket string
	// Conns is how many connections a gateway may use at the same time.
	Conns int
	// Keep says that nginx shall keep connections. It cannot bound them, so
	// behind as many workers as clients only.
	Keep bool
	// Multiplex says that requests may share connections, for those who can.
	Multiplex bool
	// Ask lets fcgigw ask the responder whether they may, which is its default.
	Ask bool
}

// Setup is what the configurations of all gateways are made from.
type Setup struct {
	Dir     string // for configurations, logs and temporary files
	Root    string // document root
	Workers int    // nginx worker processes, GOMAXPROCS of the others
	Backend Backend
	// Clients is how many connections of clients must be possible at once; 0 is
	// some thousands.
	Clients int
	// Programs holds the path of each gateway's program, by the name that
	// Program returns.
	Programs map[string]string
	// BackendLines are added to fcgigw's [backend.app] table.
	BackendLines string
	// Scripts are what fcgigw runs besides /index.php.
	Scripts []string
	// TempDir is fcgigw's folder for temporary files, empty for its default.
	TempDir string
	// AccessLog is the path of fcgigw's access log, empty for none.
	AccessLog string
	// Env is added to fcgigw's environment.
	Env []string
}

// Gateway is a running gateway.
type Gateway struct {
	*Process
	Addr string
}

// Program is the name of the program that runs the gateway of this name.
func Program(gateway string) string {
	if gateway == NginxKept {
		return Nginx
	}
	return gateway
}

// StartGateway writes the configuration of the named gateway, starts it on a
// free loopback port and waits until it listens.
func StartGateway(ctx context.Context, name string, s Setup) (*Gateway, error) {
	addr, err := FreePort()
	if err != nil {
		return nil, err
	}
	cmd, file, text, err := describe(name, s, addr)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	p, err := Start(cmd)
	if err != nil {
		return nil, err
	}
	if err := p.Ready(ctx, "tcp4", addr); err != nil {
		_ = p.Stop()
		return nil, err
	}
	return &Gateway{Process: p, Addr: addr}, nil
}

// describe returns the command for a gateway, and the file and the text of its
// configuration.
func describe(name string, s Setup, addr string) (c Command, file, text string, err error) {
	bin := s.Programs[Program(name)]
	c = Command{Name: name, Dir: s.Dir}
	switch name {
	case Nginx, NginxKept:
		s.Backend.Keep = s.Backend.Keep || name == NginxKept
		file, text = filepath.Join(s.Dir, name+".conf"), nginxConf(s, addr)
		c.Args = []string{bin, "-p", s.Dir, "-e", "stderr", "-c", file}
	case Caddy:
		file, text = filepath.Join(s.Dir, "Caddyfile"), caddyfile(s, addr)
		c.Args = []string{bin, "run", "--adapter", "caddyfile", "--config", file}
		c.Env = []string{"HOME=" + s.Dir, "XDG_DATA_HOME=" + s.Dir, "XDG_CONFIG_HOME=" + s.Dir, goMaxProcs(s)}
	case Fcgigw:
		file, text = filepath.Join(s.Dir, "fcgigw.toml"), fcgigwTOML(s, addr)
		c.Args = []string{bin, "run", "--config", file}
		c.Env = append([]string{goMaxProcs(s)}, s.Env...)
	default:
		return c, "", "", fmt.Errorf("rig: no gateway %q", name)
	}
	return c, file, text, nil
}

func goMaxProcs(s Setup) string { return fmt.Sprintf("GOMAXPROCS=%d", s.Workers) }
