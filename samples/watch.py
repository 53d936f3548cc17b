#!/usr/bin/python3
# SPDX-License-Identifier: 0BSD
"""watch.py MOUNT LEVEL: prints a record each time that usage of a tmpfs passes the level."""
import os
import sys


def watch(path, level):
    """Yields each record, until the mount is gone."""
    device = os.open("/dev/tmpfswarn", os.O_RDWR)
    try:
        mount = os.open(path, os.O_PATH)
        try:
            os.write(device, f"{mount} {level}".encode())
        finally:
            os.close(mount)  # while it is open, nobody can unmount it
        while records := os.read(device, 65536):  # whole lines, as many as fit
            yield from records.decode(errors="replace")[:-1].split("\n")
    finally:
        os.close(device)


for line in watch(*sys.argv[1:]):
    print(line, flush=True)
