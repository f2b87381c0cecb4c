package upstream_test

import (
	"testing"
	"time"

	"github.com/fcgigw/fcgigw/pkg/fcgi"
	"github.com/fcgigw/fcgigw/pkg/fcgi/fcgitest"
	"github.com/fcgigw/fcgigw/pkg/pool"
	"github.com/fcgigw/fcgigw/pkg/upstream"
	"github.com/fcgigw/fcgigw/test/harness"
)

func TestASnapshotTellsOfEveryServer(t *testing.T) {
	harness.NoLeaks(t)
	_, addr := respond(t, hello)
	gone := nowhere(t)
	b := newBackend(t, config(addr, gone), upstream.Events{})
	for range 4 {
		fine(t, b)
	}
	list := b.Snapshot()
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	up, down := list[0], list[1]
	if up.Name != "unix:"+addr || !up.Up || up.Away != 0 || up.Source != upstream.Configured || up.Multiplex != upstream.Off ||
		up.Pool.MaxConns != 4 || up.Pool.Dials != 1 || up.Pool.Reuses != 3 || up.Pool.Idle != 1 {
		t.Errorf("up: %+v", up)
	}
	if down.Name != "unix:"+gone || down.Up || down.Away <= 0 || down.Pool.DialFailures == 0 || down.Pool.Open != 0 {
		t.Errorf("down: %+v", down)
	}
}

func TestASnapshotCanBeTakenWhenAServerGoesAndBehindClose(t *testing.T) {
	harness.NoLeaks(t)
	var b *upstream.Backend
	failures := make(chan int64, 9)
	b = newBackend(t, config(nowhere(t)), upstream.Events{ServerDown: func(string, string, error) {
		failures <- b.Snapshot()[0].Pool.DialFailures
	}})
	if _, err := get(t, b); err == nil {
		t.Error("got an answer from nowhere")
	}
	await(t, failures)
	b.Close()
	if st := b.Snapshot()[0]; st.Up || st.Pool.DialFailures != 1 || st.Pool.Busy != 0 {
		t.Errorf("%+v", st)
	}
}

func TestTheCapIsWhatIsKnownOfTheServer(t *testing.T) {
	const ask = upstream.Auto
	for _, c := range []struct {
		name           string
		multiplex      upstream.Mode
		set            int
		from           upstream.Source
		says           map[string]string
		conns, streams int
		want           upstream.Source
	}{
		{"nothing", upstream.Off, 0, 0, nil, 128, 1, upstream.Assumed},
		{"the configuration", upstream.Off, 3, 0, nil, 3, 1, upstream.Configured},
		{"the workers", upstream.Off, 3, upstream.Supervised, nil, 3, 1, upstream.Supervised},
		{"php-fpm's configuration", upstream.Off, 3, upstream.PoolFile, nil, 3, 1, upstream.PoolFile},
		{"nothing, shared", upstream.On, 0, 0, nil, 32, 4, upstream.Assumed},
		{"connections", ask, 0, 0, map[string]string{fcgi.VarMaxConns: "5"}, 5, 4, upstream.Answered},
		{"connections, absurdly many", ask, 0, 0, map[string]string{fcgi.VarMaxConns: "999999999"}, 1024, 4, upstream.Answered},
		{"requests", ask, 0, 0, map[string]string{fcgi.VarMaxReqs: "9"}, 2, 4, upstream.Answered},
		{"few requests", ask, 0, 0, map[string]string{fcgi.VarMaxConns: "5", fcgi.VarMaxReqs: "2"}, 1, 2, upstream.Answered},
		{"both", ask, 0, 0, map[string]string{fcgi.VarMaxConns: "3", fcgi.VarMaxReqs: "100"}, 3, 4, upstream.Answered},
		{"connections, but it is configured", ask, 2, 0, map[string]string{fcgi.VarMaxConns: "5"}, 2, 4, upstream.Configured},
		{"neither", ask, 0, 0, map[string]string{}, 32, 4, upstream.Assumed},
	} {
		t.Run(c.name, func(t *testing.T) {
			harness.NoLeaks(t)
			s := &fcgitest.Server{Mpxs: true, Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) }}
			if c.says != nil {
				s.Values = map[string]string{fcgi.VarMpxsConns: "1"}
				for name, value := range c.says {
					s.Values[name] = value
				}
			}
			cfg := config(s.Start(t))
			cfg.Multiplex, cfg.MaxConns, cfg.MaxConnsFrom = c.multiplex, c.set, c.from
			learned := make(chan int, 9)
			b := newBackend(t, cfg, upstream.Events{Learned: func(_, _ string, conns int) { learned <- conns }})
			fine(t, b)
			if c.multiplex == ask {
				harness.Eventually(t, "it is known to multiplex", func() bool { return b.Snapshot()[0].Multiplex == upstream.On })
			}
			if c.want == upstream.Answered {
				if conns := await(t, learned); conns != c.conns {
					t.Errorf("told of %d connections", conns)
				}
			}
			st := b.Snapshot()[0]
			if st.Pool.MaxConns != c.conns || st.Pool.Streams != c.streams || st.Source != c.want || len(learned) != 0 {
				t.Errorf("%d connections of %d from %v, told %d times more", st.Pool.MaxConns, st.Pool.Streams, st.Source, len(learned))
			}
		})
	}
}

func TestWhatOneProcessSaysOfItselfIsNoCap(t *testing.T) {
	harness.NoLeaks(t)
	s := &fcgitest.Server{
		Values:  map[string]string{fcgi.VarMaxConns: "1", fcgi.VarMaxReqs: "1", fcgi.VarMpxsConns: "0"}, // as libfcgi
		Handler: func(w *fcgitest.Response, _ *fcgitest.Request) { _, _ = w.WriteString(hello) },
	}
	cfg := config(s.Start(t))
	cfg.Multiplex, cfg.MaxConns = upstream.Auto, 0
	b := newBackend(t, cfg, upstream.Events{})
	if st := b.Snapshot()[0]; st.Multiplex != upstream.Auto {
		t.Errorf("known before it was asked: %+v", st)
	}
	fine(t, b)
	harness.Eventually(t, "it is known not to multiplex", func() bool { return b.Snapshot()[0].Multiplex == upstream.Off })
	if st := b.Snapshot()[0]; st.Pool.MaxConns != 128 || st.Source != upstream.Assumed {
		t.Errorf("%+v", st)
	}
}

func TestSourcesAreNamedAsTheKeysThatSetThem(t *testing.T) {
	for want, s := range map[string]upstream.Source{
		"assumed": upstream.Assumed, "max_conns": upstream.Configured, "workers": upstream.Supervised,
		"php_fpm_config": upstream.PoolFile, "FCGI_MAX_CONNS": upstream.Answered,
	} {
		if s.String() != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}

func TestAMinimumOfIdleConnectionsStaysButNeverHoldsEveryWorker(t *testing.T) {
	for _, c := range []struct{ maxConns, minIdle, want int }{{4, 2, 2}, {2, 2, 1}, {1, 1, 0}} {
		harness.NoLeaks(t)
		s, addr := respond(t, hello)
		cfg := config(addr)
		cfg.MaxConns, cfg.MinIdle, cfg.WarmUp = c.maxConns, c.minIdle, c.maxConns
		cfg.IdleTimeout = 20 * time.Millisecond
		b := newBackend(t, cfg, upstream.Events{})
		b.Warm()
		harness.Eventually(t, "the others are closed", func() bool {
			return b.Snapshot()[0].Pool.Closed[pool.ClosedIdle] == int64(c.maxConns-c.want)
		})
		if n := b.Snapshot()[0].Pool.Idle; n != c.want {
			t.Errorf("%+v: %d idle", c, n)
		}
		harness.Eventually(t, "the server has seen it", func() bool { return s.Open() == c.want })
	}
}
