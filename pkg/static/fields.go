package static

import (
	"strconv"
	"time"

	"github.com/fcgigw/fcgigw/pkg/accept"
)

// names holds the field names and constant values that responses share, so
// that naming a field allocates nothing.
type names struct {
	contentType, contentRange, lastModified, etag []byte
	acceptRanges, bytes, cacheControl, allow, get []byte
	contentEncoding                               []byte
}

func newNames() names {
	return names{
		contentType:  []byte("Content-Type"),
		contentRange: []byte("Content-Range"),
		lastModified: []byte("Last-Modified"),
		etag:         []byte("ETag"),
		acceptRanges: []byte("Accept-Ranges"),
		bytes:        []byte("bytes"),
		cacheControl: []byte("Cache-Control"),
		allow:        []byte("Allow"),
		get:          []byte("GET, HEAD"),

		contentEncoding: []byte("Content-Encoding"),
	}
}

// timeFormat is RFC 9110 section 5.6.7's IMF-fixdate, for times in UTC.
const timeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// validators makes the ETag and Last-Modified of j.info. The tag joins time and
// size with a separator, so that no two pairs make the same one; it is strong,
// since file systems here keep times finer than a second. A time in the future
// is not sent (RFC 9110 section 8.8.2.1).
func (j *job) validators() {
	t := j.info.ModTime
	var buf [64]byte
	b := append(buf[:0], '"')
	b = strconv.AppendUint(b, uint64(t.UnixNano()), 16)
	b = append(b, '-')
	b = strconv.AppendUint(b, uint64(j.info.Size), 16)
	if j.ext != "" {
		b = append(append(b, '-'), j.ext...)
	}
	j.etag = j.x.Copy(append(b, '"'))
	if now := j.s.now(); t.After(now) {
		t = now
	}
	j.modified = j.x.Copy(t.UTC().AppendFormat(buf[:0], timeFormat))
}

// describe fills in status and the fields of a response that carries the file
// or, as 304, validates it.
func (j *job) describe(status int) {
	h := &j.x.Response.Header
	j.x.Response.Status = status
	for _, f := range j.opt.Headers {
		h.Add(f.Name, f.Value)
	}
	if age := int64(j.opt.Expires / time.Second); age > 0 && !h.Has("Cache-Control") {
		b := append(make([]byte, 0, 32), "max-age="...)
		h.Add(j.s.names.cacheControl, j.x.Copy(strconv.AppendInt(b, age, 10)))
	}
	if status != 304 && !h.Has("Content-Type") {
		h.Add(j.s.names.contentType, j.s.typeOf(j.name))
	}
	if j.opt.Status != 0 {
		return // the validators and ranges are those of another resource
	}
	if j.vary || status != 200 && j.opt.Varies != nil && j.opt.Varies(j.s.typeOf(j.name), j.info.Size) {
		accept.Vary(j.x)
	}
	if j.coding != "" && status != 304 {
		h.Set(j.s.names.contentEncoding, j.x.CopyString(j.coding))
	}
	h.Set(j.s.names.lastModified, j.modified)
	h.Set(j.s.names.etag, j.etag)
	if status != 304 && !h.Has("Accept-Ranges") {
		h.Add(j.s.names.acceptRanges, j.s.names.bytes)
	}
}

// appendContentRange appends the value "bytes a-b/size".
func appendContentRange(b []byte, r span, size int64) []byte {
	b = append(b, "bytes "...)
	b = strconv.AppendInt(b, r.from, 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, r.from+r.n-1, 10)
	b = append(b, '/')
	return strconv.AppendInt(b, size, 10)
}

func (j *job) notAllowed() error {
	j.x.Response.Status = 405
	j.x.Response.Header.Add(j.s.names.allow, j.s.names.get)
	return j.finish(0)
}

// unsent answers a precondition: 304 or 412.
func (j *job) unsent(status int) error {
	if status == 304 {
		j.describe(304)
		// Not sent, but were it, it would have to be that of the 200 (RFC 9110
		// section 8.6).
		return j.finish(j.info.Size)
	}
	j.x.Response.Status = status
	return j.finish(0)
}

func (j *job) unsatisfiable() error {
	j.x.Response.Status = 416
	b := append(make([]byte, 0, 40), "bytes */"...)
	b = strconv.AppendInt(b, j.info.Size, 10)
	j.x.Response.Header.Set(j.s.names.contentRange, j.x.Copy(b))
	return j.finish(0)
}

// finish sends a response without a body, whose length field says length.
func (j *job) finish(length int64) error {
	j.x.Response.ContentLength = length
	if err := j.x.Sink.Start(&j.x.Response); err != nil {
		return j.started(err)
	}
	return j.started(j.x.Sink.Write(nil, true))
}
