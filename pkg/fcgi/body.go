package fcgi

import "encoding/binary"

// Role is what the backend is asked to be (section 6).
type Role uint16

// The three roles. The zero Role is taken as RoleResponder by Request.
const (
	RoleResponder  Role = 1
	RoleAuthorizer Role = 2
	RoleFilter     Role = 3
)

// flagKeepConn asks the backend to leave the connection open (section 5.1).
const flagKeepConn = 1

// Begin is the body of BEGIN_REQUEST (section 5.1).
type Begin struct {
	Role     Role
	KeepConn bool
}

// AppendBegin appends a whole BEGIN_REQUEST record, 16 bytes.
func AppendBegin(dst []byte, id uint16, b Begin) []byte {
	dst = AppendHeader(dst, Header{Type: TypeBeginRequest, ID: id, Len: 8})
	var flags byte
	if b.KeepConn {
		flags = flagKeepConn
	}
	return append(dst, byte(b.Role>>8), byte(b.Role), flags, 0, 0, 0, 0, 0)
}

// ParseBegin reads a BEGIN_REQUEST body; ErrShort if it is not 8 bytes long.
func ParseBegin(b []byte) (Begin, error) {
	if len(b) != 8 {
		return Begin{}, ErrShort
	}
	return Begin{Role: Role(binary.BigEndian.Uint16(b)), KeepConn: b[2]&flagKeepConn != 0}, nil
}

// Protocol statuses of END_REQUEST (section 5.5).
const (
	StatusComplete    uint8 = 0
	StatusCantMpxConn uint8 = 1
	StatusOverloaded  uint8 = 2
	StatusUnknownRole uint8 = 3
)

// End is the body of END_REQUEST (section 5.5).
type End struct {
	AppStatus      uint32 // exit status of the application
	ProtocolStatus uint8  // StatusComplete when the request was served
}

// AppendEnd appends a whole END_REQUEST record, 16 bytes.
func AppendEnd(dst []byte, id uint16, e End) []byte {
	dst = AppendHeader(dst, Header{Type: TypeEndRequest, ID: id, Len: 8})
	dst = binary.BigEndian.AppendUint32(dst, e.AppStatus)
	return append(dst, e.ProtocolStatus, 0, 0, 0)
}

// ParseEnd reads an END_REQUEST body; ErrShort if it is not 8 bytes long.
func ParseEnd(b []byte) (End, error) {
	if len(b) != 8 {
		return End{}, ErrShort
	}
	return End{AppStatus: binary.BigEndian.Uint32(b), ProtocolStatus: b[4]}, nil
}

// err turns the protocol status into the error Do returns.
func (e End) err(id uint16) error {
	switch e.ProtocolStatus {
	case StatusComplete:
		return nil
	case StatusCantMpxConn:
		return ErrCantMultiplex
	case StatusOverloaded:
		return ErrOverloaded
	case StatusUnknownRole:
		return ErrUnknownRole
	}
	return &ProtocolError{What: "unknown protocol status", ID: id, Type: TypeEndRequest}
}

// AppendAbort appends an ABORT_REQUEST record, 8 bytes (section 5.4).
func AppendAbort(dst []byte, id uint16) []byte {
	return AppendHeader(dst, Header{Type: TypeAbortRequest, ID: id})
}

// AppendUnknown appends a whole UNKNOWN_TYPE record, 16 bytes (section 4.2).
func AppendUnknown(dst []byte, t Type) []byte {
	dst = AppendHeader(dst, Header{Type: TypeUnknownType, Len: 8})
	return append(dst, byte(t), 0, 0, 0, 0, 0, 0, 0)
}

// ParseUnknown reads an UNKNOWN_TYPE body: the type the peer did not know. It
// returns ErrShort if the body is not 8 bytes long.
func ParseUnknown(b []byte) (Type, error) {
	if len(b) != 8 {
		return 0, ErrShort
	}
	return Type(b[0]), nil
}
