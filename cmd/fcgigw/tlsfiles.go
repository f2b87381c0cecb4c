package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"

	"github.com/fcgigw/fcgigw/pkg/certs"
	"github.com/fcgigw/fcgigw/pkg/config"
)

// placeCerts gives errors about the files of certificates the positions of the
// keys that name them. A site on several addresses is reported once.
func placeCerts(cfg *config.Config, err error) error {
	var out []error
	said := make(map[string]bool)
	for _, e := range leaves(err) {
		placed := placeCert(cfg, e)
		if text := placed.Error(); !said[text] {
			said[text] = true
			out = append(out, placed)
		}
	}
	return errors.Join(out...)
}

func placeCert(cfg *config.Config, err error) error {
	fe, ok := errors.AsType[*certs.FileError](err)
	if !ok {
		return fmt.Errorf("%s: %w", cfg.At("").File, err)
	}
	msg := fe.Error()
	if errors.Is(err, fs.ErrPermission) {
		msg += "; " + unreadable()
	}
	return config.NewError(cfg.At(fileKey(cfg, fe)), msg)
}

// fileKey returns the path of the key that names a file.
func fileKey(cfg *config.Config, fe *certs.FileError) string {
	for i := range cfg.Sites {
		t := cfg.Sites[i].TLS
		if t == nil {
			continue
		}
		named := map[string]string{
			"certificate": t.Certificate, "certificate_key": t.CertificateKey,
			"client_ca": t.ClientCA, "client_crl": t.ClientCRL,
		}
		if named[fe.Key] == fe.Path {
			return t.Pos.Path + "." + fe.Key
		}
	}
	return "acme." + fe.Key
}

// unreadable tells what to do about a file that may not be read.
func unreadable() string {
	who := "the gateway's user"
	if u, err := user.Current(); err == nil {
		who = fmt.Sprintf("the user %q", u.Username)
	}
	return who + " must be able to read it and to enter every directory above it; docs/tls.md has the commands, also for certbot"
}

// tlsFile notes what is wrong with a file of a certificate: one that is missing
// or not for this user may be right elsewhere; one that is no good is no good
// anywhere.
func (m *machine) tlsFile(table string, err error) {
	fe, ok := errors.AsType[*certs.FileError](err)
	switch {
	case !ok:
		return
	case m.said[fe.Key+fe.Path]:
		return
	}
	m.said[fe.Key+fe.Path] = true
	at := m.cfg.At(table + "." + fe.Key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m.found = append(m.found, config.NewError(at, fmt.Sprintf("%s: %s: %v; run and a reload refuse this", fe.Key, fe.Path, errNoFile)))
	case errors.Is(err, fs.ErrPermission):
		m.found = append(m.found, config.NewError(at, fmt.Sprintf("%s: %s: %v; run and a reload refuse this: %s", fe.Key, fe.Path, errAccess, unreadable())))
	default:
		m.wrong = append(m.wrong, config.NewError(at, fe.Error()))
	}
}
