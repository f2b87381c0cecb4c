package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// onceCount is what became of many requests.
type onceCount struct {
	requests, answered  int
	getFailed, postFail int
	failedAndRan        int            // no right answer, although the script ran
	lost                int            // answered, although the script did not run
	doubled             int            // run more than once
	reasons             map[string]int // of failures

	gets, posts         int // in the access log
	keptGets, keptPosts int // on a kept connection
	repeated            int // with more than one attempt
	took                time.Duration
	run                 *onceRun
}

func newOnceCount() *onceCount { return &onceCount{reasons: make(map[string]int)} }

// countOnce holds what the clients got against what the scripts did. ran has
// the id of each run.
func countOnce(outcomes []onceOutcome, ran []string) *onceCount {
	c := newOnceCount()
	runs := make(map[string]int)
	for _, id := range ran {
		if runs[id]++; runs[id] == 2 {
			c.doubled++
		}
	}
	for id, o := range outcomes {
		c.one(o, runs[strconv.Itoa(id)])
	}
	return c
}

func (c *onceCount) one(o onceOutcome, runs int) {
	c.requests++
	if o.failed == "" {
		c.answered++
		if runs == 0 {
			c.lost++
		}
		return
	}
	if runs > 0 {
		c.failedAndRan++
	}
	kind := "GET "
	if o.post {
		kind = "POST "
		c.postFail++
	} else {
		c.getFailed++
	}
	c.reasons[kind+o.failed]++
}

func (c *onceCount) add(o *onceCount) {
	c.requests += o.requests
	c.answered += o.answered
	c.getFailed += o.getFailed
	c.postFail += o.postFail
	c.failedAndRan += o.failedAndRan
	c.lost += o.lost
	c.doubled += o.doubled
	for why, n := range o.reasons {
		c.reasons[why] += n
	}
}

// onceTable is the head of the table that row writes lines of.
func onceTable() []string {
	return []string{
		"| socket | pm.max_requests | requests | answered | GET failed | POST failed | failed after they had run | answered but not run | run twice | kept connections used by GET, POST | repeated | requests/s |",
		"|---|---|---|---|---|---|---|---|---|---|---|---|",
	}
}

func (c *onceCount) row() string {
	share := func(part, of int) string { return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(max(of, 1))) }
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d | %d | %d | %s, %s | %d | %.0f |", c.run.network, c.run.label,
		c.requests, c.answered, c.getFailed, c.postFail, c.failedAndRan, c.lost, c.doubled,
		share(c.keptGets, c.gets), share(c.keptPosts, c.posts), c.repeated, float64(c.requests)/c.took.Seconds())
}

// judge holds the counts against the promises.
func (c *onceCount) judge(l *lab, label string) {
	promise := func(what string, n int) { l.found(label+what, n == 0, "0", "%d", n) }
	l.noted(label+"requests", "%d", c.requests)
	promise("run more than once", c.doubled)
	promise("answered, but never run", c.lost)
	promise("GETs that failed", c.getFailed)
	promise("POSTs that failed", c.postFail)
	if len(c.reasons) > 0 {
		l.noted(label+"failures", "%v; %d of them had run", c.reasons, c.failedAndRan)
	}
}

// onceTries adds what fcgigw's access log says about attempts.
func (l *lab) onceTries(ctx context.Context, c *onceCount) error {
	return await(ctx, logFlush, "records are missing in the access log", func() (bool, error) {
		c.gets, c.posts, c.keptGets, c.keptPosts, c.repeated = 0, 0, 0, 0, 0
		err := l.readAccess(func(r accessRecord) {
			if strings.HasPrefix(r.URI, "/once.php") {
				c.record(r)
			}
		})
		return c.gets+c.posts == c.requests, err
	})
}

func (c *onceCount) record(r accessRecord) {
	if r.Tries > 1 {
		c.repeated++
	}
	kept := 0
	if r.Reused {
		kept = 1
	}
	if r.Method == "POST" {
		c.posts++
		c.keptPosts += kept
		return
	}
	c.gets++
	c.keptGets += kept
}

// accessRecord is what is needed of a record in fcgigw's access log.
type accessRecord struct {
	Time         time.Time // of its end
	Method, URI  string
	Status       int
	Total, Queue float64 // seconds
	Tries        int
	Reused       bool
}

// readAccess hands the records in fcgigw's access log to each. The last one may
// still be on its way.
func (l *lab) readAccess(each func(accessRecord)) error {
	f, err := os.Open(filepath.Join(l.data, accessLog))
	if err != nil {
		return err
	}
	defer f.Close()
	for d := json.NewDecoder(f); ; {
		var r accessRecord
		err := d.Decode(&r)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		each(r)
	}
}
