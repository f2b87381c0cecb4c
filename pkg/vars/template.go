package vars

// Template is a compiled string with variables. It is immutable and may be
// used by any number of goroutines.
type Template struct {
	source string
	parts  []part
}

// part is either literal text or a variable.
type part struct {
	lit    string
	name   string // of the variable, as in the table; "" for literal text
	arg    string // what a family such as $http_ is asked for
	value  appender
	client bool
	plain  bool
}

// appender appends the value of a variable to dst; it must not allocate more
// than dst needs.
type appender func(dst []byte, e *Env, arg string) []byte

// Append appends the template's text for e to dst and returns it. Nothing but
// dst is allocated.
func (t *Template) Append(dst []byte, e *Env) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		if p.value == nil {
			dst = append(dst, p.lit...)
		} else {
			dst = p.value(dst, e, p.arg)
		}
	}
	return dst
}

// Constant returns the text of a template whose value is the same for every
// request.
func (t *Template) Constant() (string, bool) {
	switch len(t.parts) {
	case 0:
		return "", true
	case 1:
		return t.parts[0].lit, t.parts[0].value == nil
	}
	return "", false
}

// String returns the template as it was written.
func (t *Template) String() string { return t.source }

// Names returns the variables in the template in order, repeated ones too,
// without '$'. Those fixed when compiled ($pid) are not in it.
func (t *Template) Names() []string {
	var names []string
	for i := range t.parts {
		if t.parts[i].value != nil {
			names = append(names, t.parts[i].name)
		}
	}
	return names
}

// ClientVariable returns the first variable whose value a client can choose,
// such as "http_foo" or "uri", and whether there is one. Such text must never
// become a setting of the application.
func (t *Template) ClientVariable() (string, bool) {
	for i := range t.parts {
		if t.parts[i].client {
			return t.parts[i].name, true
		}
	}
	return "", false
}
