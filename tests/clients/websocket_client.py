"""A WebSocket client that says what it sees, a line for each thing. Arguments: the URL, and a cookie or nothing."""

import asyncio
import sys

import websockets


def say(*words):
    print(*words, flush=True)


async def main(url, cookie=None):
    fields = {"Cookie": cookie} if cookie else {}
    async with websockets.connect(url, extra_headers=fields, ping_interval=None, max_size=None) as socket:
        say("open", socket.response_headers.get("Set-Cookie", "-").split(";")[0])
        await socket.send("hello")
        say(await socket.recv())
        await asyncio.wait_for(await socket.ping(b"are you there?"), 10)
        say("pong")
        await socket.send("ping me")
        say(await socket.recv())
        # Over many reads and writes, with a length in eight bytes.
        large = bytes(range(256)) * 1024
        await socket.send(large)
        say("large", await socket.recv() == large)
        await socket.wait_closed()
        say("closed", socket.close_code)


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 25))
