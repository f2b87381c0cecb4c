// Package fcgitest has FastCGI backends for tests.
//
//   - Server is a correct responder: it decodes every request fully, hands it
//     to a handler, keeps connections, multiplexes if told to, answers
//     GET_VALUES, and remembers what it saw.
//   - Script plays a connection byte by byte, for backends that misbehave.
//   - Conn wraps a net.Conn and breaks one thing.
//
// Everything stops with the test that started it. Nothing here is meant for
// use outside tests.
package fcgitest
