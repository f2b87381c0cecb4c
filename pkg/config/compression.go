package config

import (
	"fmt"
	"strings"
)

// Compression is the table [compression].
type Compression struct {
	Encodings   []string `toml:"encodings" default:"zstd,gzip,br" enum:"zstd|gzip|br" doc:"Content codings offered, the preferred first; a client's own weights (q) go before. br comes last because it takes four times the work of the others for about the same size when it is made for one response; where a file is compressed beforehand (\"precompressed\") it is the best."`
	Types       []string `toml:"types" default:"text/*,application/javascript,application/x-javascript,application/json,application/xml,application/*+json,application/*+xml,application/wasm,application/yaml,application/toml,application/sql,application/vnd.ms-fontobject,font/ttf,font/otf,font/collection,image/svg+xml,image/x-icon,image/bmp" format:"mediatype" doc:"Media types that are compressed; one \"*\" in each stands for any characters. Event streams (text/event-stream) pass without delay."`
	MinSize     Size     `toml:"min_size" default:"256" doc:"Least length of a body that is compressed. A body whose length is not known when its first bytes are sent is compressed."`
	Level       string   `toml:"level" default:"fast" enum:"fast|default|best" doc:"Work spent on size: a page of text shrinks to about 39, 36 or 34 per cent with about 1, 1.5 or 5 times the work."`
	MaxEncoders int      `toml:"max_encoders" default:"256" min:"1" max:"65536" doc:"Most responses compressed at once, of which event streams may be half; others are sent as they are. Each takes about 1 MiB with level fast, 2 MiB with default and up to 5 MiB with best."`
}

// compression checks what the tags cannot.
func (k *checker) compression() {
	k.repeated("compression.encodings", k.c.Compression.Encodings)
	for i := range k.c.Sites {
		s := &k.c.Sites[i]
		k.repeated(join(s.Pos.Path, "precompressed"), s.Precompressed)
		for j := range s.Locations {
			l := &s.Locations[j]
			path := l.Pos.Path
			if k.has(path, "precompressed") {
				k.repeated(join(path, "precompressed"), l.Precompressed)
			}
			if len(l.EarlyHints) > 0 && l.Backend == "" {
				k.fail(join(path, "early_hints"), "early_hints: the location has no backend to wait for")
			}
		}
	}
}

// checkMediaType checks a media type as [compression] lists them.
func checkMediaType(s string) error {
	main, sub, ok := strings.Cut(s, "/")
	valid := ok && main != "" && sub != "" && strings.Count(s, "*") <= 1 &&
		allBytes(main, isTokenByte) && allBytes(sub, isTokenByte)
	return need(valid, "%q is not a media type such as \"text/css\" or \"text/*\"", s)
}

// checkLink checks a value of a Link field (RFC 8288 section 3).
func checkLink(s string) error {
	target, params, ok := strings.Cut(strings.TrimPrefix(s, "<"), ">")
	switch {
	case !ok || s[0] != '<' || target == "" || strings.ContainsAny(target, "< \"\t"):
		return fmt.Errorf("%q is not a link such as \"</style.css>; rel=preload; as=style\"", s)
	case !strings.HasPrefix(strings.TrimLeft(params, " "), ";") || !strings.Contains(params, "rel="):
		return fmt.Errorf("%q lacks a relation, such as \"; rel=preload; as=style\"", s)
	}
	return nil
}
