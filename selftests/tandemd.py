# SPDX-License-Identifier: GPL-2.0
"""What the tests of tandemd share: the daemon under a service manager's eyes, devices, TAP."""
import ctypes
import fcntl
import json
import os
import pathlib
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

SCALE = int(os.environ["TANDEM_TEST_SCALE"])
DEADLINE = 15 * SCALE

IOC_BIND = 3 << 30 | 88 << 16 | 0xd701
IOC_REMOVE = 1 << 30 | 72 << 16 | 0xd702
IOC_POST = 1 << 30 | 32 << 16 | 0xd703
GEN_IOC_START = 3 << 30 | 56 << 16 | 0xd801
GEN_IOC_WAIT = 0xd803
GEN_PROCESS = 1
BIND_CREATE = 1


class Failed(Exception):
    """A test's case has failed."""


class Skipped(Exception):
    """A test's case cannot run here."""


def check(good, *why):
    if not good:
        raise Failed(*why)


def wait_for(what, condition, seconds=None):
    """Waits until the condition gives something true, and returns it."""
    end = time.monotonic() + (seconds or DEADLINE)
    while True:
        result = condition()
        if result:
            return result
        check(time.monotonic() < end, "waited in vain for " + what)
        time.sleep(0.01)


def run_cases(cases):
    """All of them, or those whose names are arguments of the program."""
    cases = [case for case in cases if not sys.argv[1:] or case.__name__ in sys.argv[1:]]
    print("TAP version 13\n1..%d" % len(cases))
    failed = False
    for number, case in enumerate(cases, 1):
        name = case.__doc__.splitlines()[0]
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            try:
                case(pathlib.Path(directory))
                print("ok %d - %s" % (number, name), flush=True)
            except Skipped as reason:
                print("ok %d - %s # SKIP %s" % (number, name, reason), flush=True)
            except (Failed, OSError, ValueError, subprocess.SubprocessError) as why:
                failed = True
                print("not ok %d - %s" % (number, name))
                for line in " ".join(repr(arg) for arg in why.args).splitlines():
                    print("# " + line, flush=True)
            finally:
                for daemon in list(Daemon.running):
                    daemon.kill()
                for generator in list(Generator.opened):
                    generator.close()
    sys.exit(1 if failed else 0)


class Daemon:
    """tandemd, started with a configuration and ready."""
    running = []

    def __init__(self, directory, config=None, stdout=None, user=None, **variables):
        self.path = directory / "tandemd.conf"
        self.errors = directory / "errors"
        if config is not None:
            self.configure(config)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = "tandemd-test-" + secrets.token_hex(8)
        self.notify.bind("\0" + name)
        self.notify.settimeout(DEADLINE)
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                ["tandemd"] if config is None else ["tandemd", "--config", self.path], stdout=stdout or subprocess.DEVNULL,
                stderr=errors, env={**os.environ, **variables, "NOTIFY_SOCKET": "@" + name},
                preexec_fn=(lambda: become(*user)) if user else None)
        Daemon.running.append(self)
        self.wait_notice("READY=1")

    def configure(self, config):
        self.path.write_text(config)

    def wait_notice(self, wanted):
        while True:
            notice = self.notify.recv(4096).decode()
            if wanted in notice:
                return notice

    def said(self):
        return self.errors.read_text(errors="replace")

    def wait_said(self, text):
        wait_for("%r in %r" % (text, self.said()), lambda: text in self.said())

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        self.signal(signal.SIGHUP)
        self.wait_notice("RELOADING=1")
        self.wait_notice("READY=1")

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        status = self.process.wait(DEADLINE)
        self.close()
        check(status == 0, "exit status %d" % status, self.said())
        return self.said()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self):
        self.notify.close()
        Daemon.running.remove(self)

    def stats(self):
        """What SIGUSR1 makes it tell, by device."""
        before = self.said().count("\n{") + self.said().startswith("{")
        self.signal(signal.SIGUSR1)
        dumps = wait_for("statistics", lambda: [line for line in self.said().splitlines(True)
                                                if line.startswith("{") and line.endswith("}\n")]
                         [before:])
        dump = json.loads(dumps[-1])
        return dump, {device["device"]: device for device in dump["devices"]}


def become(uid, gid, groups):
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


class Generator:
    """The generator's device."""
    opened = []

    def __init__(self):
        self.fd = os.open("/dev/tandem/gen", os.O_RDWR)
        Generator.opened.append(self)

    def start(self, count, rate=0, size=16, batch=1):
        """So many events on each processor."""
        request = struct.pack("6IQIIQII", GEN_PROCESS, 7, 1, size, rate, batch, 0, 0, 0, count, 0, 0)
        fcntl.ioctl(self.fd, GEN_IOC_START, request)
        return count * os.cpu_count()

    def wait(self):
        fcntl.ioctl(self.fd, GEN_IOC_WAIT)

    def run(self, count, **options):
        total = self.start(count, **options)
        self.wait()
        return total

    def close(self):
        os.close(self.fd)
        Generator.opened.remove(self)


class Server:
    """A device that this process serves."""

    def __init__(self, name):
        self.name = name.encode()
        self.fd = os.open("/dev/tandem/control", os.O_RDWR)
        fcntl.ioctl(self.fd, IOC_BIND, struct.pack("64s6I", self.name, BIND_CREATE, 0o600, 0, 0,
                                                   0o400, 0))

    def post(self, data):
        buffer = ctypes.create_string_buffer(data, len(data))
        fcntl.ioctl(self.fd, IOC_POST, struct.pack("4I2Q", 9, 1, len(data), 0,
                                                   ctypes.addressof(buffer), 0))

    def remove(self):
        os.close(self.fd)
        fd = os.open("/dev/tandem/control", os.O_RDWR)
        fcntl.ioctl(fd, IOC_REMOVE, struct.pack("64s2I", self.name, 0, 0))
        os.close(fd)


def events_of(data):
    """Events from the bytes of a sink, each a whole line."""
    check(not data or data.endswith(b"\n"), "a partial line stays: %r" % data[-200:])
    return [json.loads(line) for line in data.splitlines()]


def events_in(path):
    """The whole lines of a file that is being written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return events_of(data[:data.rfind(b"\n") + 1])


def lost_in(events):
    return sum(event.get("lost", 0) for event in events)


def sequence_numbers(events):
    """(processor, number) of each of the generator's events."""
    return [(cpu, seq) for seq, cpu in
            (struct.unpack_from("<QH", bytes.fromhex(event["data"]))
             for event in events if event["device"] == "gen" and "data" in event)]


def check_conserved(events, posted):
    """Each event is there once, in its processor's order, or is told to be lost. Returns how many were lost."""
    numbers = sequence_numbers(events)
    lost = lost_in(events)
    check(len(set(numbers)) == len(numbers), "events twice")
    for cpu in {cpu for cpu, _ in numbers}:
        of_cpu = [seq for where, seq in numbers if where == cpu]
        check(of_cpu == sorted(of_cpu), "events of processor %d not in their order" % cpu)
    check(len(numbers) + lost == posted,
          "%d there + %d lost are not the %d posted" % (len(numbers), lost, posted))
    return lost
