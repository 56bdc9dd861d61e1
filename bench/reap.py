#!/usr/bin/env python3
"""Runs a command and waits for all that it left behind, daemons too: `reap.py REPORT COMMAND ARGUMENT…`.

REPORT becomes one line: wall seconds of the command, user and system seconds of everything, peak RSS in KiB of the
largest process. BitBake's client hands its work to a server that outlives it; bash's `time` counts the client only.
Linux; see prctl(2), PR_SET_CHILD_SUBREAPER.
"""

import ctypes
import os
import resource
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def main():
    report, command = sys.argv[1], sys.argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("reap.py: prctl: " + os.strerror(ctypes.get_errno()))
    started = time.monotonic()
    code = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    wall = time.monotonic() - started
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(report, "w") as file:
        file.write(f"{wall} {usage.ru_utime} {usage.ru_stime} {usage.ru_maxrss}\n")
    sys.exit(code if code >= 0 else 128 - code)


main()
