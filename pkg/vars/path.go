package vars

// pathTable has the variables of the current path, query and files.
func pathTable() map[string]variable {
	uri := variable{client: true, plain: true, value: func(dst []byte, e *Env, _ string) []byte {
		return append(dst, e.Path()...)
	}}
	args := variable{client: true, value: func(dst []byte, e *Env, _ string) []byte {
		return append(dst, e.Args...)
	}}
	return map[string]variable{
		"uri": uri, "document_uri": uri,
		"args": args, "query_string": args,
		"is_args":             {value: appendIsArgs},
		"document_root":       {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.Root...) }},
		"realpath_root":       {value: appendRealRoot},
		"request_filename":    {value: appendFilename, client: true, plain: true},
		"fastcgi_script_name": {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.Script()...) }, client: true, plain: true},
		"fastcgi_path_info":   {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.PathInfo...) }, client: true, plain: true},
		"script_filename":     {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.ScriptFilename...) }, client: true, plain: true},
		"remote_root":         {value: func(dst []byte, e *Env, _ string) []byte { return append(dst, e.DocumentRoot...) }},
	}
}

func appendIsArgs(dst []byte, e *Env, _ string) []byte {
	if len(e.Args) > 0 {
		return append(dst, '?')
	}
	return dst
}

func appendRealRoot(dst []byte, e *Env, _ string) []byte {
	if e.RealRoot != nil {
		return append(dst, e.RealRoot...)
	}
	return append(dst, e.Root...)
}

func appendFilename(dst []byte, e *Env, _ string) []byte {
	if e.Filename != nil {
		return append(dst, e.Filename...)
	}
	return append(append(dst, e.Root...), e.Path()...)
}
