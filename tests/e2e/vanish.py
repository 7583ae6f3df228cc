# A subscriber who is gone without a word: subscribes to an event stream, and from then on its
# kernel drops all that comes for it, so that nothing is acknowledged any more. Ends with its input.
# usage: vanish.py PORT PATH
import ctypes
import socket
import struct
import sys

SO_ATTACH_FILTER = 26
BPF_RET = 6

port, path = int(sys.argv[1]), sys.argv[2]
stream = socket.create_connection(("127.0.0.1", port))
stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".encode())
received = b""
while b"longwire.live" not in received:
    received += stream.recv(4096)
drop_all = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RET, 0, 0, 0))
program = struct.pack("HL", 1, ctypes.addressof(drop_all))
stream.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
print("vanished", flush=True)
sys.stdin.read()
