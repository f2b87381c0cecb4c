# Speaks WebSocket to the URL it is given: python3 ws_client.py URL [CA]
import asyncio
import ssl
import sys

import websockets


async def main(url, ca=None):
    context = ssl.create_default_context(cafile=ca) if ca else None
    async with websockets.connect(url, ssl=context, subprotocols=["chat"], max_size=None) as ws:
        assert ws.subprotocol == "chat", ws.subprotocol
        for message in ["hello", "", "x" * 100000, b"\x00\xff" * 500000]:
            await ws.send(message)
            got = await ws.recv()
            assert got == message, len(got)
        await (await ws.ping())
        await ws.send("close")
        try:
            await ws.recv()
        except websockets.ConnectionClosed as e:
            assert e.code == 4001, e
    print("fine")


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 15))
