#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# TIMEOUT=300
"""tandemd with durable subscriptions: killed at any moment it loses nothing, and what it writes twice can be told."""
import fcntl
import json
import os
import signal
import struct
import subprocess

from tandemd import (SCALE, Daemon, Generator, Server, check, check_conserved, events_in, events_of, lost_in,
                     run_cases, sequence_numbers, wait_for)

IOC_UNSUBSCRIBE = 1 << 30 | 72 << 16 | 0xd712
GEN_IOC_STOP = 0xd802
GEN_IOC_STATUS = 2 << 30 | 48 << 16 | 0xd804
F_SETPIPE_SZ = 1031
KILLS = max(4, 10 // SCALE)


def remove(device="gen"):
    fd = os.open("/dev/tandem/" + device, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, IOC_UNSUBSCRIBE, struct.pack("64s2I", b"keep", 0, 0))
    finally:
        os.close(fd)


def durable(case):
    """Removes the subscription in the end: it would hold the modules."""
    def run(directory):
        try:
            case(directory)
        finally:
            for daemon in list(Daemon.running):
                daemon.kill()
            try:
                remove()
            except FileNotFoundError:
                pass
    run.__doc__ = case.__doc__
    run.__name__ = case.__name__
    return run


def config(directory, options="ring-size = 4M", sinks="log"):
    return ("device gen { sinks = { %s } durable = keep %s }\nsink log { kind = file path = %s }\n"
            "sink stdout { buffer-size = 4K }\n" % (sinks, options, directory / "log"))


def distinct(path):
    """The events of a file without doubles, and how many doubles there were. A double is the same to the last byte."""
    lines = {}
    doubles = 0
    events_of(path.read_bytes())
    for line in path.read_bytes().splitlines():
        event = events_of(line + b"\n")[0]
        key = event["ring"], event["position"], event["time"], "lost" in event
        check(lines.setdefault(key, line) == line, "two events at one place", line, lines[key])
        doubles += lines[key] is not line
    return events_of(b"".join(line + b"\n" for line in lines.values())), doubles


def posted_by(generator):
    return sum(struct.unpack("2I5Q", fcntl.ioctl(generator.fd, GEN_IOC_STATUS, bytes(48)))[2:])


def kill_under_load(directory, options):
    """Kills daemons while events come, and lets the last one end in peace. Returns events, doubles, how many were posted."""
    generator = Generator()
    log = directory / "log"
    daemon = Daemon(directory, config(directory, options))
    generator.start(0, rate=400 // SCALE, size=48)
    for turn in range(KILLS):
        written = log.stat().st_size if log.exists() else 0
        wait_for("events of turn %d" % turn, lambda: log.exists() and log.stat().st_size > written)
        daemon.kill()
        daemon = Daemon(directory, config(directory, options))
    fcntl.ioctl(generator.fd, GEN_IOC_STOP)
    posted = posted_by(generator)
    daemon.stop()
    events, doubles = distinct(log)
    return events, doubles, posted


@durable
def killed(directory):
    """killed again and again under load: each event is there"""
    events, _, posted = kill_under_load(directory, "ring-size = 4M")
    check(check_conserved(events, posted) == 0, "lost")
    check({event["ring"] for event in events} == {event["cpu"] for event in events}, "rings")


@durable
def killed_shared(directory):
    """the same with one ring for all processors, in one strict order"""
    events, _, posted = kill_under_load(directory, "ring-size = 4M layout = shared")
    check(check_conserved(events, posted) == 0, "lost")
    check({event["ring"] for event in events} == {0}, "rings")
    check(not any("cpu" in event for event in events), "a processor")
    check(sorted(events, key=lambda event: event["position"]) ==
          sorted(events, key=lambda event: (event["time"], event["position"])), "not in order of time")


@durable
def killed_and_lost(directory):
    """a ring that overflows while nobody is there: what is lost is told, once"""
    generator = Generator()
    Daemon(directory, config(directory, "ring-size = 64K")).kill()
    posted = generator.run(3000)
    for _ in range(3):
        daemon = Daemon(directory, config(directory, "ring-size = 64K"))
        wait_for("events", lambda: events_in(directory / "log"))
        daemon.kill()
    Daemon(directory, config(directory, "ring-size = 64K")).stop()
    # Each ring's next event tells what was lost since the one before it.
    posted += generator.run(1)
    Daemon(directory, config(directory, "ring-size = 64K")).stop()
    events, _ = distinct(directory / "log")
    numbers = sequence_numbers(events)
    check(lost_in(events) > 0, "nothing was lost")
    check(len(numbers) + lost_in(events) == posted, len(numbers), lost_in(events), posted)


@durable
def doubles(directory):
    """what a sink has not taken is given again; the other sink's doubles are the same to the last byte"""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    generator = Generator()
    daemon = Daemon(directory, config(directory, sinks="log, stdout"), stdout=writer)
    os.close(writer)
    posted = generator.run(300)
    wait_for("events", lambda: events_in(directory / "log"))
    daemon.kill()
    os.close(reader)
    daemon = Daemon(directory, config(directory))
    daemon.wait_said("from where its durable subscription was left")
    daemon.stop()
    events, twice = distinct(directory / "log")
    check(twice > 0, "no doubles")
    check(check_conserved(events, posted) == 0, "lost")


@durable
def stopped(directory):
    """events that come while no daemon runs are written by the next one; a stop leaves no doubles"""
    generator = Generator()
    Daemon(directory, config(directory)).stop()
    posted = generator.run(500)
    Daemon(directory, config(directory)).stop()
    events, twice = distinct(directory / "log")
    check(check_conserved(events, posted) == 0 and twice == 0, twice)


@durable
def stopped_in_vain(directory):
    """a sink that takes nothing until the time is over: the events stay for the next daemon"""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    generator = Generator()
    daemon = Daemon(directory, "stop-timeout = 1\n" + config(directory, sinks="stdout"), stdout=writer)
    os.close(writer)
    posted = generator.run(500)
    said = daemon.stop()
    check("the time to stop is over" in said and "unread" not in said, said)
    os.close(reader)
    Daemon(directory, config(directory)).stop()
    events, _ = distinct(directory / "log")
    check(check_conserved(events, posted) == 0, "lost")


@durable
def unfinished_line(directory):
    """the beginning of a line that a killed daemon left is cut off, what is not ours is left alone"""
    for begun, stays in ((b'{"device":"gen","cpu":0,"ty', b""), (b"a note", b"a note\n")):
        log = directory / "log"
        whole = b'{"device":"other"}\n' + 5000 * b"-" + b"\n"
        log.write_bytes(whole + begun)
        daemon = Daemon(directory, config(directory))
        Generator().run(10)
        daemon.stop()
        data = log.read_bytes()
        check(data.startswith(whole + stays + b'{"device":"gen","cpu":'), data[5000:5200])
        check(data.endswith(b"}\n"), data[-100:])


@durable
def other_options(directory):
    """a subscription that was made with other options is told, and made anew when it is removed"""
    generator = Generator()
    daemon = Daemon(directory, config(directory))
    daemon.configure(config(directory, "ring-size = 2M"))
    daemon.reload()
    daemon.wait_said("durable subscription keep keeps its former options; "
                     "'tandemctl subscription rm gen keep'")
    posted = generator.run(50)
    daemon.stop()

    daemon = Daemon(directory, config(directory, "ring-size = 2M"))
    daemon.wait_said("durable subscription keep was made with other options; "
                     "'tandemctl subscription rm gen keep'")
    remove()
    daemon.wait_said("device gen is consumed")
    posted += generator.run(50)
    daemon.stop()
    events, twice = distinct(directory / "log")
    check(len(sequence_numbers(events)) == posted and twice == 0, len(events), posted)


@durable
def removed(directory):
    """a subscription that is removed under the daemon is read to its end and made anew"""
    generator = Generator()
    daemon = Daemon(directory, config(directory))
    posted = generator.run(50)
    remove()
    daemon.wait_said("device gen, or its durable subscription, is gone")
    wait_for("the new one", lambda: daemon.said().count("device gen is consumed") == 2)
    posted += generator.run(50)
    daemon.stop()
    events, _ = distinct(directory / "log")
    check(len(sequence_numbers(events)) == posted, len(events), posted)


@durable
def given_up(directory):
    """a reload that gives the subscription up says that it stays; nothing is lost"""
    generator = Generator()
    daemon = Daemon(directory, config(directory))
    posted = generator.start(600, rate=400)
    wait_for("events", lambda: events_in(directory / "log"))
    daemon.configure(config(directory).replace("durable = keep", ""))
    daemon.reload()
    daemon.wait_said("durable subscription keep stays, and gathers events")
    generator.wait()
    daemon.stop()
    check(check_conserved(events_in(directory / "log"), posted) == 0, "lost")


@durable
def occupied(directory):
    """of two daemons one has the subscription; the other takes over when that is killed"""
    generator = Generator()
    first = Daemon(directory, config(directory))
    (directory / "second").mkdir()
    second = Daemon(directory / "second", config(directory))
    second.wait_said("another process has durable subscription keep")
    posted = generator.run(50)
    first.signal(signal.SIGKILL)
    second.wait_said("device gen is consumed")
    first.process.wait()
    first.close()
    second.stop()
    events, _ = distinct(directory / "log")
    check(check_conserved(events, posted) == 0, "lost")


def device_gone(directory):
    """a device that goes takes the subscription along, and both come back"""
    server = Server("comes")
    text = config(directory).replace("device gen", "device comes")
    daemon = Daemon(directory, text)
    for turn in range(2):
        wait_for("the subscription", lambda: daemon.said().count("comes is consumed") == turn + 1)
        server.post(b"turn %d" % turn)
        server.remove()
        wait_for("the end", lambda: daemon.said().count("is gone") == turn + 1)
        server = Server("comes") if not turn else None
    daemon.stop()
    events, twice = distinct(directory / "log")
    check([bytes.fromhex(event["data"]) for event in events] == [b"turn 0", b"turn 1"] and not twice, events)


@durable
def forgotten(directory):
    """all that a user's daemons have left is removed on demand, and nothing of others"""
    def names():
        listed = subprocess.run(["tandemctl", "subscription", "list", "gen", "-j"], check=True, capture_output=True)
        return sorted(one["name"] for one in json.loads(listed.stdout))

    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    daemon = Daemon(directory, config(directory))
    daemon.wait_said("device gen is consumed")
    daemon.stop()
    subprocess.run([*nobody, "tandemctl", "subscription", "create", "gen", "other"], check=True)
    check(names() == ["keep", "other"], names())
    subprocess.run(["tandemd", "--forget"], check=True)
    check(names() == ["other"], names())
    subprocess.run([*nobody, "tandemd", "--forget"], check=True)
    check(names() == [], names())


run_cases([killed, killed_shared, killed_and_lost, doubles, stopped, stopped_in_vain, unfinished_line,
           other_options, removed, given_up, occupied, device_gone, forgotten])
