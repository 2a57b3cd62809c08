"""Run a program to its end and say what it needed: ``python -I -S launch.py PROGRAM ARGUMENTS...``.

A process inherits the most memory that the one which started it ever had, as ``ru_maxrss`` has it.  So programs are not
started by the benchmark, which is large, but by this, which imports nothing and is smaller than any of them.  On
standard output: the program's seconds, seconds of processor time, KiB at most, and exit status.
"""

import os
import sys
import time

PATH, STATUS_OF_NO_PROGRAM = sys.argv[1], 127

started = time.perf_counter()
child = os.fork()
if child == 0:
    # What the program says goes where errors go: the standard output is ours.
    os.dup2(2, 1)
    try:
        os.execv(PATH, sys.argv[1:])
    finally:
        os._exit(STATUS_OF_NO_PROGRAM)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - started
print(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
