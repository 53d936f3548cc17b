#!/usr/bin/python3
# SPDX-License-Identifier: 0BSD
"""watch-asyncio.py MOUNT LEVEL: the same in an event loop, which can do other things meanwhile."""
import asyncio
import os
import sys


async def watch(path, level):
    device = open("/dev/tmpfswarn", "r+b", buffering=0)
    mount = os.open(path, os.O_PATH)
    device.write(f"{mount} {level}".encode())
    os.close(mount)  # while it is open, nobody can unmount it
    records = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(records), device)
    try:
        async for record in records:  # until the mount is gone
            print(record.decode(errors="replace"), end="", flush=True)
    finally:
        transport.close()


asyncio.run(watch(*sys.argv[1:]))
