package fcgi

// reply checks the records of one reply and hands their content on.
type reply struct {
	id     uint16
	outEnd bool // STDOUT was ended by an empty record
	errEnd bool // STDERR was ended by an empty record
	fresh  bool // content was delivered since the last Pause
	end    End  // valid once take has reported done
}

// outputs takes the content of a reply's two streams.
type outputs interface {
	Stdout(p []byte) error
	Stderr(p []byte) error
}

// take serves one part; done means that END_REQUEST came.
func (r *reply) take(p Part, h outputs) (done bool, err error) {
	if management(p) {
		return false, nil
	}
	if p.ID != r.id {
		return false, &ProtocolError{What: "foreign request id", ID: p.ID, Type: p.Type}
	}
	switch p.Type {
	case TypeStdout:
		return false, r.stream(p, &r.outEnd, h.Stdout)
	case TypeStderr:
		return false, r.stream(p, &r.errEnd, h.Stderr)
	case TypeEndRequest:
		return r.finish(p)
	}
	return false, &ProtocolError{What: "record not allowed in a reply", ID: p.ID, Type: p.Type}
}

// management says whether p is a management record that a backend may send
// unasked or late (section 4); they say nothing about the request.
func management(p Part) bool {
	return p.ID == 0 && (p.Type == TypeUnknownType || p.Type == TypeGetValuesResult)
}

func (r *reply) stream(p Part, ended *bool, deliver func([]byte) error) error {
	if *ended {
		return &ProtocolError{What: "data behind the end of its stream", ID: p.ID, Type: p.Type}
	}
	if p.EOS {
		*ended = true
		return nil
	}
	r.fresh = true
	return deliver(p.Payload)
}

func (r *reply) finish(p Part) (bool, error) {
	end, err := ParseEnd(p.Payload)
	if err != nil {
		return false, &ProtocolError{What: "wrong length", ID: p.ID, Type: p.Type}
	}
	r.end = end
	return true, nil
}

// pause calls h.Pause if there is anything to pass on.
func (r *reply) pause(h Handler) error {
	if !r.fresh {
		return nil
	}
	r.fresh = false
	return h.Pause()
}
