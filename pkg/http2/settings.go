package http2

import "encoding/binary"

// Settings of RFC 9113 section 6.5.2, RFC 8441 and RFC 9218.
const (
	settingTableSize     = 0x1
	settingPush          = 0x2
	settingMaxStreams    = 0x3
	settingWindow        = 0x4
	settingMaxFrame      = 0x5
	settingMaxHeaderList = 0x6
	settingConnect       = 0x8 // ENABLE_CONNECT_PROTOCOL
	settingNoPriorities  = 0x9 // NO_RFC7540_PRIORITIES
)

const settingSize = 6

type setting struct {
	id    uint16
	value uint32
}

// parseSetting reads the setting that b begins with; b has six bytes at least.
func parseSetting(b []byte) setting {
	return setting{binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:])}
}

// check holds a setting against the values it may have (section 6.5.2).
func (s setting) check() error {
	switch s.id {
	case settingPush, settingConnect:
		if s.value > 1 {
			return fatal(ProtocolError, "setting is neither 0 nor 1")
		}
	case settingWindow:
		if s.value > maxWindow {
			return fatal(FlowControlError, "initial window too large")
		}
	case settingMaxFrame:
		if s.value < 1<<14 || s.value > 1<<24-1 {
			return fatal(ProtocolError, "maximum frame size out of range")
		}
	}
	return nil
}

func appendSettings(b []byte, list ...setting) []byte {
	b = appendFrameHead(b, settingSize*len(list), frameSettings, 0, 0)
	for _, s := range list {
		b = binary.BigEndian.AppendUint16(b, s.id)
		b = appendWord(b, s.value)
	}
	return b
}

func appendSettingsAck(b []byte) []byte {
	return appendFrameHead(b, 0, frameSettings, flagAck, 0)
}
