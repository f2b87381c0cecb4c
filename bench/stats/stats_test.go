package stats

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsAreInOrderAndWithoutGaps(t *testing.T) {
	for i := range buckets - 1 {
		end := bucketEnd(i)
		if bucketOf(end) != i || bucketOf(end+1) != i+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d; the next value is in %d", i, end, bucketOf(end), bucketOf(end+1))
		}
	}
	if got := bucketOf(1<<63 - 1); got >= buckets {
		t.Errorf("the largest duration is in bucket %d of %d", got, buckets)
	}
}

func TestQuantilesAreWithinThreePercent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(r.ExpFloat64() * float64(time.Millisecond))
		h.Add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999} {
		exact := float64(all[int(q*float64(len(all)))-1])
		if got := float64(h.Quantile(q)); got < exact || got > exact*1.04 {
			t.Errorf("quantile %v = %v, exactly %v", q, got, exact)
		}
	}
	if h.Quantile(1) != all[len(all)-1] || h.Max() != all[len(all)-1] || h.Count() != 20_000 {
		t.Errorf("last %v, max %v, count %d", h.Quantile(1), h.Max(), h.Count())
	}
}

func TestAnEmptyHistogramIsAllZero(t *testing.T) {
	var h Histogram
	h.Add(-time.Second)
	if h.Count() != 1 || h.Quantile(0.5) != 0 {
		t.Errorf("a negative duration: count %d, median %v", h.Count(), h.Quantile(0.5))
	}
	h.Reset()
	if h.Count() != 0 || h.Quantile(0.5) != 0 || h.Max() != 0 {
		t.Errorf("count %d median %v max %v", h.Count(), h.Quantile(0.5), h.Max())
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Add(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSpreadOf(t *testing.T) {
	cases := []struct {
		values []float64
		want   Spread
		text   string
	}{
		{nil, Spread{}, "–"},
		{[]float64{3}, Spread{3, 3, 3, 1}, "3.0 (3.0–3.0)"},
		{[]float64{4, 1}, Spread{2.5, 1, 4, 2}, "2.5 (1.0–4.0)"},
		{[]float64{9, 2, 5}, Spread{5, 2, 9, 3}, "5.0 (2.0–9.0)"},
	}
	for _, c := range cases {
		before := slices.Clone(c.values)
		got := SpreadOf(c.values)
		if got != c.want || got.Format(1) != c.text || !slices.Equal(c.values, before) {
			t.Errorf("%v: %+v %q", c.values, got, got.Format(1))
		}
	}
}
