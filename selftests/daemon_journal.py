#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# TIMEOUT=180
"""tandemd and the systemd journal: structured fields, and a journal that stands still, dies or comes late."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import tandemd
from tandemd import (DEADLINE, Daemon, Generator, Server, check, check_conserved, events_in, run_cases,
                     wait_for)

JOURNALD = "/lib/systemd/systemd-journald"
SOCKET = pathlib.Path("/run/systemd/journal/socket")
CONFIG = """
stop-timeout = 60
device gen { sinks = { journal } ring-size = 64K }
sink journal { buffer-size = 4K }
"""


class Journal:
    """A journal of our own: this machine has no service manager."""

    def __init__(self):
        if not os.access(JOURNALD, os.X_OK):
            raise tandemd.Skipped(JOURNALD + " is not installed")
        shutil.rmtree("/run/log/journal", ignore_errors=True)
        for path in ("/run/log/journal", "/run/systemd/journal", "/etc/systemd/journald.conf.d"):
            os.makedirs(path, exist_ok=True)
        machine = pathlib.Path("/etc/machine-id")
        if not machine.exists() or len(machine.read_text()) < 32:
            machine.write_text("0123456789abcdef0123456789abcdef\n")
        pathlib.Path("/etc/systemd/journald.conf.d/test.conf").write_text(
            "[Journal]\nStorage=volatile\nRateLimitBurst=0\nRateLimitIntervalSec=0\n")
        self.process = subprocess.Popen([JOURNALD], stderr=subprocess.DEVNULL)
        wait_for("the journal", SOCKET.exists)

    def entries(self, *match):
        """Entries of a device, as objects."""
        subprocess.run(["journalctl", "--sync"], capture_output=True, timeout=DEADLINE)
        run = subprocess.run(["journalctl", "-q", "-o", "json", "--no-pager", "-D", "/run/log/journal",
                              *match], capture_output=True, text=True, timeout=DEADLINE)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def end(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        SOCKET.unlink(missing_ok=True)


def with_journal(case):
    def run(directory):
        journal = Journal()
        try:
            case(directory, journal)
        finally:
            journal.end()
    run.__doc__ = case.__doc__
    run.__name__ = case.__name__
    return run


def as_events(entries):
    """Entries as the events that they are of."""
    names = {"TANDEM_DEVICE": "device", "TANDEM_DATA": "data"}
    events = []
    for entry in entries:
        event = {names[key]: value for key, value in entry.items() if key in names}
        if "TANDEM_LOST" in entry:
            event["lost"] = int(entry["TANDEM_LOST"])
        events.append(event)
    return events


@with_journal
def fields(directory, journal):
    """an event has its fields in the journal"""
    daemon = Daemon(directory, "device process { sinks = { journal } }")
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    entries = wait_for("the entries", lambda: (lambda found: len(found) == 3 and found)(
        journal.entries("TANDEM_PID=%d" % child.pid)))
    daemon.stop()
    check([entry["TANDEM_EVENT"] for entry in entries] == ["fork", "exec", "exit"], entries)
    wanted = {"TANDEM_DEVICE": "process", "TANDEM_TYPE": "2", "TANDEM_CLASS": "normal",
              "TANDEM_FILENAME": "/bin/true", "TANDEM_COMM": "true", "TANDEM_PPID": str(os.getpid()),
              "TANDEM_UID": "0", "TANDEM_THREAD": "false", "TANDEM_LOST_BEFORE": "0",
              "PRIORITY": "6", "SYSLOG_IDENTIFIER": "tandemd"}
    for key, value in wanted.items():
        check(entries[1].get(key) == value, key, value, entries[1].get(key))
    message = entries[1]["MESSAGE"]
    check(message.startswith("process exec pid=%d " % child.pid), message)
    check("filename=/bin/true" in message, message)


@with_journal
def line_breaks(directory, journal):
    """a name with a line break in it stays one field"""
    daemon = Daemon(directory, "device process { sinks = { journal } types = { exec } }")
    name = directory / "two\nTANDEM_UID=7"
    name.symlink_to("/bin/true")
    child = subprocess.Popen([name])
    child.wait()
    entries = wait_for("the entry", lambda: journal.entries("TANDEM_PID=%d" % child.pid))
    daemon.stop()
    check(len(entries) == 1 and entries[0]["TANDEM_FILENAME"] == str(name), entries)
    check(entries[0]["TANDEM_UID"] == "0", entries)


@with_journal
def long_event(directory, journal):
    """the longest event goes into the journal"""
    server = Server("long")
    try:
        daemon = Daemon(directory, "device long { sinks = { journal } ring-size = 1M }")
        server.post(b"x" * (65536 - 16))
        entries = wait_for("the entry", lambda: journal.entries("--all", "TANDEM_DEVICE=long"))
        daemon.stop()
    finally:
        server.remove()
    check(entries[0]["TANDEM_DATA"] == "78" * (65536 - 16), "another payload")


@with_journal
def durable(directory, journal):
    """an event of a durable subscription has ring and position in the journal"""
    server = Server("lasting")
    try:
        text = "device lasting { sinks = { journal } durable = keep layout = shared }"
        Daemon(directory, text).kill()
        for _ in range(3):
            server.post(b"x" * 8)
        daemon = Daemon(directory, text)
        entries = wait_for("the entries", lambda: (lambda found: len(found) == 3 and found)(
            journal.entries("TANDEM_DEVICE=lasting")))
        daemon.stop()
    finally:
        server.remove()
    places = [(entry["TANDEM_RING"], entry["TANDEM_POSITION"]) for entry in entries]
    check(places == [("0", "0"), ("0", "24"), ("0", "48")], places)
    check(not any("TANDEM_CPU" in entry for entry in entries), entries)


@with_journal
def stopped_journal(directory, journal):
    """a journal that stands still does not stop the daemon; what it missed is counted"""
    generator = Generator()
    daemon = Daemon(directory, CONFIG + "device process { sinks = { log } }\n"
                    "sink log { kind = file path = %s }\n" % (directory / "log"))
    journal.process.send_signal(signal.SIGSTOP)
    posted = generator.run(1000, size=200)
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    wait_for("an event of the other device",
             lambda: any(event.get("pid") == child.pid for event in events_in(directory / "log")))
    _, devices = daemon.stats()
    check(devices["gen"]["lost"] and devices["gen"]["consumed"] < posted, devices)
    journal.process.send_signal(signal.SIGCONT)
    said = daemon.stop()
    lost = check_conserved(as_events(journal.entries("TANDEM_DEVICE=gen")), posted)
    check("device gen: %d consumed, %d lost" % (posted - lost, lost) in said, said)


def late_journal(directory):
    """a journal that is not there is told once, and written to when it comes"""
    if not os.access(JOURNALD, os.X_OK):
        raise tandemd.Skipped(JOURNALD + " is not installed")
    SOCKET.unlink(missing_ok=True)
    generator = Generator()
    daemon = Daemon(directory, CONFIG)
    posted = generator.run(500, size=200)
    daemon.wait_said("sink journal: cannot write: ")
    journal = Journal()
    try:
        daemon.wait_said("sink journal: writes again")
        said = daemon.stop()
        check_conserved(as_events(journal.entries("TANDEM_DEVICE=gen")), posted)
    finally:
        journal.end()
    check(said.count("cannot write") == 1, said)


run_cases([fields, line_breaks, long_event, durable, stopped_journal, late_journal])
