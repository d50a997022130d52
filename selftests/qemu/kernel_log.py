# SPDX-License-Identifier: GPL-2.0
"""The kernel's log: what came since a mark, and whether the kernel complained.

Lockdep and RCU print and do not warn, so their words are looked for as well. KCSAN finds races in the kernel
itself, too: those that count are in functions of our modules.
"""
import os
import re

COMPLAINTS = re.compile(
    r"WARNING:|BUG:(?! KCSAN: )|BUG: KCSAN: .*\[tandem|BUG |KASAN|UBSAN|Oops|general protection fault|cut here|"
    r"INFO: task .* blocked|INFO: rcu|rcu: .*(stall|detected)|soft lockup|hard LOCKUP|"
    r"possible (recursive|circular|irq lock)|inconsistent lock state|suspicious RCU|"
    r"lock ordering|bad unlock balance|lock held (when|at)|held lock freed|ODEBUG|"
    r"scheduling while atomic|sleeping function called|nobody cared|refcount_t|"
    r"list_(add|del) corruption|double fault|workqueue lockup|Bad page|page allocation failure"
)


class Log:
    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        self.mark()

    def mark(self):
        os.lseek(self.fd, 0, os.SEEK_END)

    def since_mark(self):
        """The lines since the mark, which moves on to here."""
        lines = []
        while True:
            try:
                record = os.read(self.fd, 16384).decode(errors="replace")
            except BlockingIOError:
                return lines
            except BrokenPipeError:
                lines.append("BUG: the kernel's log was overrun, part of it is lost")
                continue
            header, _, text = record.partition(";")
            microseconds = int(header.split(",")[2])
            lines.append("[%12.6f] %s" % (microseconds / 1e6, text.split("\n")[0]))


def complains(lines):
    return any(COMPLAINTS.search(line) for line in lines)
