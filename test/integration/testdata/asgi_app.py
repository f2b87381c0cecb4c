# An ASGI application: says what it was asked, streams, and echoes over WebSocket.
import asyncio


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        return await echo(scope, receive, send)
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path == "/stream":
        return await stream(send)
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {k.decode(): v.decode("latin-1") for k, v in scope["headers"]}
    raw = scope["raw_path"].decode()
    text = "%s %s %s %d %s" % (scope["method"], raw, scope["query_string"].decode(), size, headers.get("x-forwarded-proto"))
    status = 404 if path == "/missing" else 200
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain"), (b"set-cookie", b"a=b"), (b"set-cookie", b"c=d")]})
    await send({"type": "http.response.body", "body": text.encode()})


async def stream(send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for i in range(3):
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % i, "more_body": True})
        await asyncio.sleep(0.02)
    await send({"type": "http.response.body", "body": b""})


async def echo(scope, receive, send):
    await receive()
    protocols = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": protocols[0] if protocols else None})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == "close":
            return await send({"type": "websocket.close", "code": 4001})
        await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})
