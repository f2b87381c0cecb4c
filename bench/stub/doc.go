// Package stub is a FastCGI responder that does nothing but answer fast: it
// checks what it is sent and replies with a fixed body. It stands in for an
// application when the cost of the gateway in front of it is to be measured.
//
// It is written from the FastCGI 1.0 specification alone and shares no code
// with the gateway, so that a mistake in the gateway's codec shows here as a
// protocol error instead of cancelling itself out. Its manners are php-fpm's:
// one STDOUT record stream and END_REQUEST in one burst without an empty
// STDOUT record, GET_VALUES answered with what was asked and is known.
package stub
