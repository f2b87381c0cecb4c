package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// satPlaces is how far requests may be from their places on average: of those
// that come in the same instant the clock cannot tell which was first.
const satPlaces = 10

// logFlush bounds the wait for fcgigw's access log, which it writes a few times
// a second.
const logFlush = 5 * time.Second

// order compares the order in which requests got a worker with the order in
// which the gateway had read them, by its access log, and the order in which
// the scripts ran with the one in which clients asked.
func (l *lab) order(ctx context.Context) error {
	var came []int
	err := await(ctx, logFlush, "records are missing in the access log", func() (ok bool, err error) {
		came, err = l.cameInOrder("/order.php")
		return len(came) == satQueue, err
	})
	if err != nil {
		return err
	}
	words, err := l.read("order")
	if err != nil {
		return err
	}
	ran, err := numbers(words)
	if err != nil {
		return err
	}
	far, mean := displacement(came)
	l.found("order: places between coming and getting a worker, on average", mean <= satPlaces, fmt.Sprintf("≤ %d of %d", satPlaces, satQueue), "%.1f; %d at most", mean, far)
	far, mean = displacement(ran)
	l.noted("order: places between the client's sending and the script's run", "%.1f on average; %d at most", mean, far)
	l.found("scripts run for them", len(ran) == satQueue, fmt.Sprint(satQueue), "%d", len(ran))
	return nil
}

// cameInOrder returns, for the requests of a script in the order in which they
// got a worker, when they came.
func (l *lab) cameInOrder(script string) ([]int, error) {
	var list []turn
	err := l.readAccess(func(r accessRecord) {
		if r.Status == 200 && strings.HasPrefix(r.URI, script) {
			list = append(list, r.turn())
		}
	})
	return inTurn(list), err
}

// turn is when a request came and when it got its worker, in nanoseconds.
type turn struct{ came, taken int }

func (r accessRecord) turn() turn {
	came := int(r.Time.UnixNano()) - int(r.Total*1e9)
	return turn{came, came + int(r.Queue*1e9)}
}

func inTurn(list []turn) (came []int) {
	slices.SortFunc(list, func(a, b turn) int { return cmp.Compare(a.taken, b.taken) })
	for _, t := range list {
		came = append(came, t.came)
	}
	return came
}

func numbers(words []string) ([]int, error) {
	var list []int
	for _, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// displacement says how far the numbers are from their places in sorted order,
// at most and on average.
func displacement(list []int) (most int, mean float64) {
	sorted := slices.Sorted(slices.Values(list))
	for i, n := range list {
		place, _ := slices.BinarySearch(sorted, n)
		d := max(place-i, i-place)
		most = max(most, d)
		mean += float64(d) / float64(len(list))
	}
	return most, mean
}
