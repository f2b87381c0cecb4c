package static

import "strings"

// maxExt is the longest extension looked up.
const maxExt = 16

// typeOf returns the media type of a path by its extension, in any case.
func (s *Server) typeOf(path []byte) []byte {
	var low [maxExt]byte
	for i := len(path) - 1; i >= 0 && len(path)-1-i <= maxExt; i-- {
		switch path[i] {
		case '/':
			return s.fallback
		case '.':
			ext := lowerBase(low[:0], path[i+1:])
			if t, ok := s.types[string(ext)]; ok {
				return t
			}
			return s.fallback
		}
	}
	return s.fallback
}

func typeTable(c Config) map[string][]byte {
	m := make(map[string][]byte)
	for line := range strings.Lines(commonTypes) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		t := withCharset(f[0], c.Charset)
		for _, ext := range f[1:] {
			m[ext] = t
		}
	}
	for ext, t := range c.Types {
		m[strings.ToLower(strings.TrimPrefix(ext, "."))] = withCharset(t, c.Charset)
	}
	return m
}

// withCharset names charset in a text type that names none. Without it clients
// take plain text for Windows-1252; pages that declare another one themselves
// need Config.Charset "off".
func withCharset(t, charset string) []byte {
	if charset == "" {
		charset = "utf-8"
	}
	if charset == "off" || !strings.HasPrefix(t, "text/") || strings.Contains(t, "charset") {
		return []byte(t)
	}
	return []byte(t + "; charset=" + charset)
}

// commonTypes lists media types and their extensions, as registered with IANA
// or as browsers expect them.
const commonTypes = `
text/html html htm shtml
text/css css
text/javascript js mjs cjs
text/xml xml xsd xsl xslt
text/plain txt text log conf ini
text/markdown md markdown
text/csv csv
text/tab-separated-values tsv
text/calendar ics ifb
text/vcard vcf vcard
text/vtt vtt
text/mathml mml
text/x-component htc
text/vnd.wap.wml wml
text/vnd.sun.j2me.app-descriptor jad
image/gif gif
image/jpeg jpeg jpg jpe jfif
image/png png
image/apng apng
image/webp webp
image/avif avif
image/heic heic
image/heif heif
image/jxl jxl
image/svg+xml svg svgz
image/tiff tif tiff
image/bmp bmp
image/x-icon ico cur
image/x-jng jng
image/vnd.wap.wbmp wbmp
font/woff woff
font/woff2 woff2
font/ttf ttf
font/otf otf
font/collection ttc
application/vnd.ms-fontobject eot
application/json json map
application/ld+json jsonld
application/geo+json geojson
application/manifest+json webmanifest
application/schema+json schema
application/json5 json5
application/yaml yaml yml
application/toml toml
application/xhtml+xml xhtml xht
application/atom+xml atom
application/rss+xml rss
application/rdf+xml rdf
application/xspf+xml xspf
application/xml-dtd dtd
application/wasm wasm
application/pdf pdf
application/postscript ps eps ai
application/rtf rtf
application/epub+zip epub
application/msword doc dot
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.ms-excel xls xlt
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.ms-powerpoint ppt pps
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.oasis.opendocument.text odt
application/vnd.oasis.opendocument.spreadsheet ods
application/vnd.oasis.opendocument.presentation odp
application/vnd.oasis.opendocument.graphics odg
application/vnd.google-earth.kml+xml kml
application/vnd.google-earth.kmz kmz
application/vnd.apple.mpegurl m3u8
application/dash+xml mpd
application/vnd.wap.wmlc wmlc
application/zip zip
application/gzip gz tgz
application/x-bzip2 bz2
application/x-xz xz
application/zstd zst
application/x-tar tar
application/x-7z-compressed 7z
application/vnd.rar rar
application/java-archive jar war ear
application/vnd.android.package-archive apk
application/vnd.debian.binary-package deb
application/x-rpm rpm
application/x-redhat-package-manager srpm
application/x-apple-diskimage dmg
application/x-iso9660-image iso
application/x-msdownload exe dll
application/x-msi msi
application/x-sh sh
application/sql sql
application/x-sqlite3 sqlite
application/x-x509-ca-cert der pem crt
application/pkcs8 p8
application/pgp-signature asc sig
application/x-java-jnlp-file jnlp
application/x-java-archive-diff jardiff
application/x-perl pl pm
application/x-tcl tcl tk
application/x-xpinstall xpi
application/x-shockwave-flash swf
application/x-stuffit sit
application/mac-binhex40 hqx
application/x-bittorrent torrent
application/octet-stream bin img msp msm
audio/midi mid midi kar
audio/mpeg mp3
audio/mp4 m4a
audio/aac aac
audio/ogg ogg oga
audio/opus opus
audio/flac flac
audio/wav wav
audio/webm weba
audio/x-realaudio ra
video/mp4 mp4 m4v
video/mpeg mpeg mpg
video/ogg ogv
video/webm webm
video/quicktime mov
video/mp2t ts
video/3gpp 3gp 3gpp
video/x-flv flv
video/x-matroska mkv
video/x-ms-asf asx asf
video/x-ms-wmv wmv
video/x-msvideo avi
video/x-mng mng
model/gltf+json gltf
model/gltf-binary glb
model/stl stl
`
