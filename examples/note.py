#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The same without a library: /dev/tandem/note, one message at a time by read and write."""
import fcntl
import os
import struct

BIND, CREATE, SEEKABLE, READ, WRITE, SLOT = 0xc000d701, 1 << 0, 1 << 4, 2, 3, 65536

bind = bytearray(struct.pack("64s10I2Q2I2Q", b"note", CREATE | SEEKABLE, 0o666, 0, 0, 0, 0,
                             1, 32, SLOT, 1 << READ | 1 << WRITE, 0, 0, 0, 0, 0, 0))
server = os.open("/dev/tandem/control", os.O_RDWR)
fcntl.ioctl(server, BIND | len(bind) << 16, bind)
text = b""
while True:
    message = os.read(server, 64 + SLOT)
    request, _, op, _, offset, _, in_len, out_len = struct.unpack_from("QQIIQIII", message)
    if op == READ:
        data = text[offset:offset + out_len]
        result = len(data)
    else:
        text, data, result = text[:offset].ljust(offset, b"\0") + message[64:], b"", in_len
    os.write(server, struct.pack("QqIHHQ", request, result, len(data), 0, 0, 0) + data)
