// Package stats holds the little arithmetic of the benchmark: latency
// histograms, and medians with their spread.
package stats

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"
)

// subBits sets the resolution of a histogram: 32 buckets per power of two,
// hence values are off by 3 % at most.
const (
	subBits = 5
	sub     = 1 << subBits
	buckets = (64 - subBits) * sub
)

// Histogram counts durations in buckets whose width grows with the value. The
// zero value is empty and ready. It is not safe for concurrent use.
type Histogram struct {
	counts [buckets]uint32
	total  uint64
	max    time.Duration
}

// Add counts one duration; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucketOf(uint64(d))]++
	h.total++
	h.max = max(h.max, d)
}

// Reset forgets everything.
func (h *Histogram) Reset() { *h = Histogram{} }

// Count is the number of durations added.
func (h *Histogram) Count() uint64 { return h.total }

// Max is the longest duration added, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns a duration that the share q (0 to 1) of all values do not
// exceed, rounded up to the end of its bucket; 0 when the histogram is empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	want := uint64(math.Ceil(q * float64(h.total)))
	want = max(want, 1)
	var seen uint64
	for i, n := range h.counts {
		seen += uint64(n)
		if seen >= want {
			return min(time.Duration(bucketEnd(i)), h.max)
		}
	}
	return h.max
}

// bucketOf maps small values to themselves and larger ones to their leading
// subBits+1 bits and their magnitude.
func bucketOf(v uint64) int {
	if v < sub {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return shift*sub + int(v>>shift)
}

// bucketEnd is the largest value that bucketOf maps to i.
func bucketEnd(i int) uint64 {
	if i < 2*sub {
		return uint64(i)
	}
	shift := i/sub - 1
	return (uint64(i%sub+sub)+1)<<shift - 1
}

// Spread is a median with the smallest and the largest of the values.
type Spread struct {
	Median, Min, Max float64
	N                int
}

// SpreadOf returns the spread of values, which it leaves as they are. With no
// values all fields are zero.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Clone(values)
	slices.SortFunc(v, cmp.Compare)
	n := len(v)
	return Spread{Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1], N: n}
}

// Format writes the spread as "median (min–max)" with the given decimals, "–"
// when it is empty.
func (s Spread) Format(decimals int) string {
	if s.N == 0 {
		return "–"
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", decimals, s.Median, decimals, s.Min, decimals, s.Max)
}
