"""A WebSocket server. Prints its port, then a line for each connection that ended. Argument: its name."""

import asyncio
import sys

import websockets


async def main(name):
    async def talk(socket):
        try:
            async for message in socket:
                if message == "ping me":
                    await (await socket.ping())
                    message = "you ponged"
                await socket.send(f"{name}: {message}" if isinstance(message, str) else message)
        except websockets.ConnectionClosed:
            pass
        print("closed", socket.close_code, flush=True)

    async with websockets.serve(talk, "127.0.0.1", 0, ping_interval=None, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        # Until nobody needs it any more.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(sys.argv[1]))
