# A WSGI application that says what it was asked.


def app(environ, start_response):
    size = len(environ["wsgi.input"].read())
    status = "404 Not Found" if environ["PATH_INFO"] == "/missing" else "200 OK"
    text = "%s %s %s %d %s" % (
        environ["REQUEST_METHOD"], environ["RAW_URI"].split("?")[0], environ["QUERY_STRING"], size,
        environ.get("HTTP_X_FORWARDED_PROTO"))
    start_response(status, [("Content-Type", "text/plain"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")])
    return [text.encode()]
