"""A WebSocket client of Debian's python3-websockets, at the ends of a pipe.

usage: websockets_client.py URL    (frames go to standard output, one a line; each line of standard
                                    input is sent as a frame)
"""
import asyncio
import sys

import websockets


async def send_lines(socket):
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async for line in lines:
        await socket.send(line.decode().rstrip("\n"))


async def main(url):
    async with websockets.connect(url, subprotocols=["longwire.v1"]) as socket:
        sending = asyncio.ensure_future(send_lines(socket))
        async for frame in socket:
            print(frame, flush=True)
        sending.cancel()


try:
    asyncio.run(main(sys.argv[1]))
except (OSError, websockets.WebSocketException) as error:
    sys.exit(f"{type(error).__name__}: {error}")
