// Package listen opens the sockets that clients connect to.
package listen
