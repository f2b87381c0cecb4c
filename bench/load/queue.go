package load

import "time"

// start is a client that is to send its next request at a certain time.
type start struct {
	client *client
	at     time.Time
}

// queue holds starts in order of time. All pauses are equally long, so that
// what is put in last is due last and no sorting is needed. Its size is fixed:
// each client is in it at most once.
type queue struct {
	ring []start
	head int
	n    int
}

func newQueue(clients int) *queue { return &queue{ring: make([]start, clients)} }

func (q *queue) push(c *client, at time.Time) {
	if q.n == len(q.ring) {
		panic("load: more starts than clients")
	}
	q.ring[(q.head+q.n)%len(q.ring)] = start{c, at}
	q.n++
}

// due takes off the first client if its time has come.
func (q *queue) due(now time.Time) *client {
	if q.n == 0 || q.ring[q.head].at.After(now) {
		return nil
	}
	c := q.ring[q.head].client
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	return c
}

// wait is the time until the first start, at most longest.
func (q *queue) wait(now time.Time, longest time.Duration) time.Duration {
	if q.n == 0 {
		return longest
	}
	return min(max(q.ring[q.head].at.Sub(now), 0), longest)
}
