package certstest

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// startDNS runs a name server on TCP, as pebble wants it, until the test ends,
// for which every host is at 127.0.0.1. It returns its address.
func startDNS(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var working sync.WaitGroup
	working.Go(func() { // ends when the socket is closed
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			working.Go(func() { // ends when pebble closes, or is killed
				defer c.Close()
				for answerDNS(c) == nil {
				}
			})
		}
	})
	tb.Cleanup(func() {
		ln.Close()
		working.Wait()
	})
	return ln.Addr().String()
}

// answerDNS answers one question (RFC 1035, 4.2.2).
func answerDNS(c net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	question := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, question); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return err
	}
	m.Response, m.RecursionAvailable = true, true
	m.Additionals, m.Answers = nil, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	answer, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}
