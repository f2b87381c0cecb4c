package gateway

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/fcgigw/fcgigw/pkg/config"
	"github.com/fcgigw/fcgigw/pkg/fpmconf"
	"github.com/fcgigw/fcgigw/pkg/upstream"
)

// limit is what is known of the workers behind the servers of a backend before
// any of them is asked. Two that are the same make the same backend.
type limit struct {
	workers int // for each server; 0: unknown
	from    upstream.Source
	inFile  int // what php_fpm_config says; 0: it is not set
	// recycles: workers end after a number of requests.
	recycles bool
}

// limitOf finds out how many workers a backend has: max_conns, else what
// php-fpm's own configuration says. A file that is named must make sense even if
// max_conns counts before it. The error has its position in cfg.
func limitOf(cfg *config.Config, b *config.Backend) (limit, error) {
	lim := limit{workers: b.MaxConns, from: upstream.Configured}
	if b.PHPFPMConfig == "" {
		return lim, nil
	}
	learned, err := fpmconf.Learn(b.PHPFPMConfig, b.Servers)
	if err != nil {
		return limit{}, config.NewError(cfg.At(b.Pos.Path+".php_fpm_config"), fmt.Sprintf("php_fpm_config: %s: %v", b.PHPFPMConfig, err))
	}
	lim.inFile, lim.recycles = learned.Children, learned.Recycles
	if lim.workers == 0 {
		lim.workers, lim.from = learned.Children, upstream.PoolFile
	}
	return lim, nil
}

// logLimit says once what was learned, and from where.
func (g *Gateway) logLimit(name string, c *config.Backend, uc *upstream.Config, lim limit) {
	log := g.log.With(zap.String("backend", name), zap.Int("workers", uc.MaxConns), zap.Stringer("from", uc.MaxConnsFrom))
	switch {
	case uc.MaxConns > 0 && uc.MaxConnsFrom != upstream.Configured:
		log.Info("number of workers learned", fileField(c))
	case lim.inFile > 0 && c.MaxConns > lim.inFile:
		log.Warn("max_conns is above pm.max_children: requests will wait inside php-fpm, where nobody sees them",
			zap.Int("max_children", lim.inFile), fileField(c))
	}
}

func fileField(c *config.Backend) zap.Field {
	if c.PHPFPMConfig == "" {
		return zap.Skip()
	}
	return zap.String("file", c.PHPFPMConfig)
}

// poolFields are the numbers of a server's pool, for the records about it.
func (b *backend) poolFields(server string) []zap.Field {
	for _, st := range b.up.Snapshot() {
		if st.Name == server {
			p := &st.Pool
			return []zap.Field{
				zap.Int("open", p.Open), zap.Int("busy", p.Busy), zap.Int("idle", p.Idle),
				zap.Int("dialling", p.Dialling), zap.Int("waiting", p.Waiting), zap.Int("max_conns", p.MaxConns),
				zap.Int64("dials", p.Dials), zap.Int64("dial_failures", p.DialFailures), zap.Float64("reuse", p.ReuseRatio()),
			}
		}
	}
	return nil
}
