package fcgi

import "io"

// stage is where in its request a source stands.
type stage uint8

const (
	stageBegin stage = iota
	stageParams
	stageStdin
	stageData
	stageDone
)

// minPiece keeps fill from putting a sliver of a stream at a buffer's end.
const minPiece = 512

// maxEmptyReads is how often a reader may return nothing before it is given up.
const maxEmptyReads = 100

// source turns a Request into records, a buffer at a time.
type source struct {
	id     uint16
	role   Role
	keep   bool
	cut    bool // pairs may straddle records although they fit one
	hold   bool // the end of PARAMS is not to be produced yet
	stage  stage
	params []byte
	stdin  []byte
	data   []byte
	reader io.Reader // of the stream whose stage it is
	left   int64     // bytes still to be read from reader

	dataFrom io.ReaderAt // becomes the reader of stageData
	dataLen  int64
}

// reset starts on req. See AppendStream for where PARAMS are split.
func (s *source) reset(req *Request, id uint16, keep bool) {
	*s = source{id: id, role: req.Role, keep: keep, params: req.Params, stdin: req.Stdin, data: req.Data}
	if s.role == 0 {
		s.role = RoleResponder
	}
	if req.StdinReader != nil {
		s.stdin, s.reader, s.left = nil, req.StdinReader, req.StdinLen
	}
	if s.role == RoleFilter && req.DataFrom != nil {
		s.data, s.dataFrom, s.dataLen = nil, req.DataFrom, req.DataLen
	}
}

// done says whether every record of the request has been produced.
func (s *source) done() bool { return s.stage == stageDone }

// held says whether nothing more is to be produced before hold ends.
func (s *source) held() bool {
	return s.hold && s.stage == stageParams && len(s.params) == 0
}

// mustRead says whether the next bytes come from the reader.
func (s *source) mustRead() bool {
	return s.left > 0 && (s.stage == stageStdin || s.stage == stageData)
}

// fill appends records to dst until its capacity, the end of the request, or
// the point where the reader must be asked.
func (s *source) fill(dst []byte) []byte {
	for !s.done() && !s.mustRead() && !s.held() {
		if cap(dst)-len(dst) < HeaderLen+minPiece {
			return dst
		}
		before := len(dst)
		if dst = s.one(dst); len(dst) == before {
			return dst
		}
	}
	return dst
}

// one appends one record, or nothing when it needs an empty buffer.
func (s *source) one(dst []byte) []byte {
	switch s.stage {
	case stageBegin:
		s.stage = stageParams
		return AppendBegin(dst, s.id, Begin{Role: s.role, KeepConn: s.keep})
	case stageParams:
		return s.piece(dst, TypeParams, &s.params)
	case stageStdin:
		return s.piece(dst, TypeStdin, &s.stdin)
	default:
		return s.piece(dst, TypeData, &s.data)
	}
}

// piece appends what fits of a stream, or its end when nothing is left.
func (s *source) piece(dst []byte, t Type, stream *[]byte) []byte {
	room := min(cap(dst)-len(dst)-HeaderLen, MaxContent) &^ 7 // &^7: room for the padding
	n := min(room, len(*stream))
	if t == TypeParams && n < len(*stream) && !s.cut {
		n = cutParams(*stream, n, len(dst) == 0)
		if n == 0 {
			return dst
		}
	}
	dst = AppendRecord(dst, t, s.id, (*stream)[:n])
	*stream = (*stream)[n:]
	if n == 0 {
		s.enter(s.after(s.stage))
	}
	return dst
}

// enter goes on to stage st.
func (s *source) enter(st stage) {
	s.stage = st
	if st == stageData && s.dataLen > 0 {
		s.reader, s.left = io.NewSectionReader(s.dataFrom, 0, s.dataLen), s.dataLen
	}
}

// cutParams returns how much of params goes into a record of at most n bytes;
// 0 when an empty buffer would take more.
func cutParams(params []byte, n int, empty bool) int {
	whole := wholePairs(params, n)
	if whole == 0 && empty {
		return n
	}
	return whole
}

// after returns the stage behind st. An authorizer gets no STDIN (section 6.3)
// and only a filter gets DATA (section 6.4).
func (s *source) after(st stage) stage {
	switch {
	case st == stageParams && s.role != RoleAuthorizer:
		return stageStdin
	case st == stageStdin && s.role == RoleFilter:
		return stageData
	}
	return stageDone
}

// read appends one record of STDIN or DATA with what one Read of the reader
// gives. dst must have room for more than a header. It returns ErrStdinShort or
// ErrDataShort when the reader ends too soon, and the reader's own error
// otherwise.
func (s *source) read(dst []byte) ([]byte, error) {
	t, short := TypeStdin, ErrStdinShort
	if s.stage == stageData {
		t, short = TypeData, ErrDataShort
	}
	at := len(dst)
	room := min(int64(cap(dst)-at-HeaderLen), MaxContent, s.left)
	content := dst[at+HeaderLen : at+HeaderLen+int(room)]
	n, err := readSome(s.reader, content)
	if err == io.EOF {
		return dst, short
	}
	if n == 0 {
		return dst, err
	}
	s.left -= int64(n)
	AppendHeader(dst[:at], Header{Type: t, ID: s.id, Len: uint16(n)})
	return dst[:at+HeaderLen+n], nil
}

// readSome reads at least one byte or returns an error; one that comes with
// bytes is left for the next call to meet again.
func readSome(r io.Reader, p []byte) (int, error) {
	for range maxEmptyReads {
		n, err := r.Read(p)
		switch {
		case n > 0:
			return n, nil
		case err != nil:
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// long says whether the request is too long to be put into a write buffer by
// its caller, or must be read.
func (s *source) long() bool {
	return s.left > 0 || s.dataLen > 0 || len(s.params)+len(s.stdin)+len(s.data) > inlineMax
}
