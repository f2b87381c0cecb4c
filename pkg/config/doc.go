// Package config turns a TOML file into checked plain structs.
//
// The structs' tags are the one source: the decoder, the defaults, the JSON
// Schema and the reference are all derived from them by reflection. To add a
// key, add a field; to add a table, add a struct and a field of its type. The
// tags:
//
//	toml:"key"         name in the file; "-" is not a key
//	default:"30s"      written as in the file; list items are separated by commas
//	doc:"..."          one sentence for the reference and the schema
//	enum:"a|b|c"       allowed values
//	min:"1" max:"9"    bounds of a number, size or duration; min is 0 if absent
//	required:"true"    the file must set it
//	inherit:"true"     a location takes the value of its site if it sets none
//	format:"name"      check of a string or of each string of a list (formats.go)
//	keyformat:"name"   check of each key of a map (formats.go)
//
// Checks that look at more than one key are functions in check_*.go, listed in
// crossChecks.
//
// Reading a file goes: TOML syntax (BurntSushi/toml), positions of keys
// (scan.go), strict decode over the defaults which collects every mistake
// (decode.go), inheritance from site to location (resolve.go), cross checks.
// The package opens nothing but the file it is asked to load.
package config

//go:generate go test -run TestGeneratedFilesAreCurrent . -update
