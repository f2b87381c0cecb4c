package config

import (
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// maxFile bounds a configuration file.
const maxFile = 16 << 20

// Load reads and checks the file at path. getenv answers ${env:NAME}, as
// os.LookupEnv does; nil means that nothing is set. The error is an *Errors
// with every mistake found, in file order.
func Load(path string, getenv func(string) (string, bool)) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, &Errors{{File: path, Msg: err.Error(), cause: err}}
	}
	return Parse(path, data, getenv)
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			return nil, pe.Err
		}
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("larger than " + Size(maxFile).String())
	}
	return data, err
}

// Parse checks data as if it were read from a file called name. See Load.
func Parse(name string, data []byte, getenv func(string) (string, bool)) (*Config, error) {
	if at := tooDeep(string(data)); at >= 0 {
		line, column := lineColumn(string(data), at)
		return nil, &Errors{{File: name, Line: line, Column: column, Msg: "nests too deeply"}}
	}
	var raw map[string]any
	if _, err := toml.Decode(string(data), &raw); err != nil {
		return nil, &Errors{syntaxError(name, string(data), err)}
	}
	d := &decoder{
		marks:  &marks{file: name, pos: scan(string(data))},
		getenv: getenv,
		set:    map[string]bool{},
	}
	c := withDefaults[Config]()
	c.marks = d.marks
	d.top(&c, raw)
	resolve(&c, d.set)
	errs, warnings := check(&c, d)
	if len(errs) > 0 {
		return nil, &errs
	}
	c.Warnings = warnings
	return &c, nil
}

// syntaxError turns an error of the TOML parser into ours.
func syntaxError(name, data string, err error) Error {
	out := Error{File: name, Line: 1, Column: 1, Msg: err.Error(), cause: err}
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return out
	}
	out.Line, out.Column = lineColumn(data, pe.Position.Start)
	out.Path, out.Msg = pe.LastKey, pe.Message
	line, _, _ := strings.Cut(data[strings.LastIndexByte(data[:min(max(pe.Position.Start, 0), len(data))], '\n')+1:], "\n")
	out.Msg += syntaxHint(pe.Message, line)
	return out
}

// lineColumn turns a byte offset into a position that is inside data.
func lineColumn(data string, offset int) (line, column int) {
	head := data[:min(max(offset, 0), len(data))]
	line = strings.Count(head, "\n") + 1
	return line, utf8.RuneCountInString(head[strings.LastIndexByte(head, '\n')+1:]) + 1
}
