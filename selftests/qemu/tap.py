#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Counts the cases in a TAP log.

Cases that were planned and never reported, a bad exit status that no case explains, and a log
without any case each count as one failure or more.

    tap.py LOG EXIT-STATUS    prints "PASSED FAILED SKIPPED"; exits with 1 if a case failed
"""
import re
import sys

SKIPPED_STATUS = 4


def count(lines, status):
    passed = failed = skipped = planned = 0
    for line in lines:
        plan = re.match(r"1\.\.(\d+)", line)
        if plan:
            planned = int(plan[1])
            if planned == 0 and "SKIP" in line:
                skipped += 1
        elif re.match(r"(not )?ok\b.*# *SKIP", line):
            skipped += 1
        elif re.match(r"ok\b", line):
            passed += 1
        elif re.match(r"not ok\b", line):
            failed += 1
    failed += max(0, planned - passed - failed - skipped)
    if not failed:
        seen = passed + skipped
        if not seen and status == SKIPPED_STATUS:
            skipped = 1
        elif not seen or status not in (0, SKIPPED_STATUS):
            failed = 1
    return passed, failed, skipped


if __name__ == "__main__":
    with open(sys.argv[1], errors="replace") as log:
        counts = count(log, int(sys.argv[2]))
    print(*counts)
    sys.exit(counts[1] > 0)
