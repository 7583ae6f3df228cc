#!/usr/bin/env python3
"""Event streams that get nothing but their heartbeats, for bench-suite.py.

usage: bench_quiet.py HOST:PORT COUNT

Opens COUNT of them as fast as it can, says "open" when all have begun, and reads what comes until it
is ended.
"""

import resource
import select
import socket
import sys

REQUEST = b"GET /t/quiet HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
AHEAD = 100  # connections that have not been answered yet


def read(ready, streams, begun):
    for fd, _ in ready:
        if not streams[fd].recv(65536):
            sys.exit("the hub has closed a stream")
        begun.add(fd)


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    count = int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    poll, streams, begun = select.epoll(), {}, set()
    while len(begun) < count:
        if len(streams) < count and len(streams) - len(begun) < AHEAD:
            s = socket.create_connection((host, int(port)))
            s.sendall(REQUEST)
            streams[s.fileno()] = s
            poll.register(s.fileno(), select.EPOLLIN)
            read(poll.poll(0), streams, begun)
        else:
            read(poll.poll(), streams, begun)
    print("open", flush=True)
    while True:
        read(poll.poll(), streams, begun)


if __name__ == "__main__":
    main()
