#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
# TIMEOUT=400
"""tandemd with real devices: nothing is lost in silence, whatever happens to configuration, sinks and devices."""
import fcntl
import grp
import os
import pathlib
import pwd
import signal
import subprocess
import sys
import time

import tandemd
from tandemd import (DEADLINE, SCALE, Daemon, Failed, Generator, Server, check, check_conserved, events_in,
                     events_of, lost_in, run_cases, sequence_numbers, wait_for)

sys.path.insert(0, str(pathlib.Path(os.environ["TANDEM_TREE"]) / "selftests" / "qemu"))
import modules  # noqa: E402

F_SETPIPE_SZ = 1031


def to_file(directory, device, options=""):
    return "device %s { sinks = { log } %s }\nsink log { kind = file path = %s }\n" % (
        device, options, directory / "log")


def forked(events, pid):
    return [event["event"] for event in events if event.get("pid") == pid]


def fork_events(directory):
    """the events of a process appear, decoded"""
    daemon = Daemon(directory, to_file(directory, "process"))
    child = subprocess.Popen(["/bin/true", "x"])
    child.wait()
    wait_for("the exit", lambda: "exit" in forked(events_in(directory / "log"), child.pid))
    said = daemon.stop()
    events = events_in(directory / "log")
    check(forked(events, child.pid) == ["fork", "exec", "exit"], forked(events, child.pid))
    program = [event for event in events if event.get("pid") == child.pid and event["event"] == "exec"]
    check(program[0]["filename"] == "/bin/true" and program[0]["ppid"] == os.getpid(), program)
    check("device process: %d consumed, 0 lost; sink log: %d written, 0 not written"
          % (len(events), len(events)) in said, said)


def filters(directory):
    """types and classes that are not wanted do not come"""
    daemon = Daemon(directory, to_file(directory, "process", "types = { exit } classes = { normal }"))
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    wait_for("the exit", lambda: forked(events_in(directory / "log"), child.pid))
    daemon.stop()
    kinds = {(event["event"], event["class"]) for event in events_in(directory / "log")}
    check(kinds == {("exit", "normal")}, kinds)


def fork_storm(directory):
    """a fork storm: every process comes and goes, or is counted as lost"""
    daemon = Daemon(directory, to_file(directory, "process", "ring-size = 4M"))
    children = []
    for _ in range(300):
        pid = os.fork()
        if not pid:
            os._exit(7)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    wait_for("the last exit", lambda: "exit" in forked(events_in(directory / "log"), children[-1]))
    daemon.stop()
    events = events_in(directory / "log")
    check(not lost_in(events), "lost %d" % lost_in(events))
    for pid in children:
        check(forked(events, pid) == ["fork", "exit"], pid, forked(events, pid))


def slow_reader(directory):
    """a slow reader of a pipe: loss is counted, the daemon stays awake"""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    generator = Generator()
    daemon = Daemon(directory, "device gen { sinks = { stdout } ring-size = 64K }\n"
                    "sink stdout { buffer-size = 4K }\n", stdout=writer)
    os.close(writer)
    posted = generator.run(5000)
    _, devices = daemon.stats()
    check(devices["gen"]["consumed"] < posted and devices["gen"]["lost"] > 0, devices)
    pipe = os.fdopen(reader, "rb")
    daemon.signal(signal.SIGTERM)
    data = pipe.read()
    said = daemon.wait()
    lost = check_conserved(events_of(data), posted)
    check("%d consumed, %d lost" % (posted - lost, lost) in said, said)


def no_reader(directory):
    """a reader that does not read holds up the end for no longer than allowed"""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    generator = Generator()
    daemon = Daemon(directory, "stop-timeout = 1\ndevice gen { sinks = { stdout } ring-size = 64K }\n"
                    "sink stdout { buffer-size = 4K }\n", stdout=writer)
    os.close(writer)
    posted = generator.run(2000)
    said = daemon.stop()
    with os.fdopen(reader, "rb") as pipe:
        written = len(sequence_numbers(events_of(pipe.read())))
    numbers = [int(word) for word in said[said.rindex("device gen:"):].replace(",", "").replace(
        ";", "").split() if word.isdigit()]
    check(len(numbers) == 5, said)
    consumed, lost, wrote, not_written, unread = numbers
    check(consumed + lost + unread == posted and wrote + not_written == consumed and wrote == written,
          said, posted, written)
    check("the time to stop is over" in said, said)


def closed_pipe(directory):
    """a closed pipe is told once; other sinks go on"""
    reader, writer = os.pipe()
    generator = Generator()
    daemon = Daemon(directory, "device gen { sinks = { stdout } }\n" + to_file(directory, "process")
                    + "stop-timeout = 1\n", stdout=writer)
    os.close(writer)
    os.close(reader)
    generator.run(100)
    daemon.wait_said("sink stdout: cannot write: Broken pipe")
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    wait_for("the exit", lambda: "exit" in forked(events_in(directory / "log"), child.pid))
    said = daemon.stop()
    check(said.count("Broken pipe") == 1, said)


class SmallDisk:
    def __init__(self, directory):
        self.path = directory / "disk"
        self.path.mkdir()
        self.mount("size=64k")

    def mount(self, options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "small", self.path], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        subprocess.run(["umount", "--lazy", self.path], check=True)


def full_disk(directory):
    """a full disk is told once; when there is room again all goes on, with whole lines"""
    generator = Generator()
    with SmallDisk(directory) as disk:
        daemon = Daemon(directory, "device gen { sinks = { log } ring-size = 64K }\n"
                        "sink log { kind = file path = %s buffer-size = 8K }\n" % (disk.path / "log"))
        posted = generator.run(3000)
        daemon.wait_said("No space left on device")
        disk.mount("remount,size=16m")
        daemon.wait_said("sink log: writes again")
        said = daemon.stop()
        lost = check_conserved(events_of((disk.path / "log").read_bytes()), posted)
        check(said.count("No space left") == 1, said)
        check("%d consumed, %d lost" % (posted - lost, lost) in said, said)


def full_disk_at_end(directory):
    """a disk that stays full: no partial line stays behind, what is missing is counted"""
    generator = Generator()
    with SmallDisk(directory) as disk:
        daemon = Daemon(directory, "stop-timeout = 1\ndevice gen { sinks = { log } ring-size = 1M }\n"
                        "sink log { kind = file path = %s buffer-size = 8K }\n" % (disk.path / "log"))
        posted = generator.run(3000)
        daemon.wait_said("No space left on device")
        said = daemon.stop()
        written = len(sequence_numbers(events_of((disk.path / "log").read_bytes())))
        check(written and " %d written" % written in said and "left unread" in said, written, said)
        unread = int(said[:said.rindex(" left unread")].split()[-1])
        not_written = int(said[:said.rindex(" not written")].split()[-1])
        check(written + not_written + unread == posted, said, posted)


def rotation(directory):
    """a file is rotated by SIGHUP and without it, while events come, and nothing is lost"""
    generator = Generator()
    daemon = Daemon(directory, to_file(directory, "gen", "ring-size = 4M"))
    posted = generator.start(1500, rate=1000)
    for turn in range(4):
        wait_for("the file", (directory / "log").exists)
        os.rename(directory / "log", directory / ("log.%d" % turn))
        if turn % 2:
            daemon.reload()
    generator.wait()
    daemon.stop()
    events = []
    for path in sorted(directory.glob("log.?")) + [directory / "log"]:
        events += events_of(path.read_bytes())
    check(check_conserved(events, posted) == 0, "lost")


def reload_keeps(directory):
    """a reload loses nothing, whether it changes the subscription or not"""
    generator = Generator()
    daemon = Daemon(directory, to_file(directory, "gen", "ring-size = 4M"))
    posted = generator.start(1500, rate=1000)
    for options in ("ring-size = 4M", "ring-size = 2M", "ring-size = 2M watermark = 4K", "ring-size = 4M"):
        daemon.configure(to_file(directory, "gen", options))
        daemon.reload()
    generator.wait()
    daemon.stop()
    check(check_conserved(events_in(directory / "log"), posted) == 0, "lost")


def broken_reload(directory):
    """a broken configuration is told in a line, and the running one stays"""
    generator = Generator()
    daemon = Daemon(directory, to_file(directory, "gen"))
    daemon.configure("device gen {\n ring-size = wide\n}\n")
    daemon.reload()
    expected = ("tandemd: %s:2: expected a power of two from 64K to 64M, found wide; "
                "the configuration stays as it was\n" % daemon.path)
    check(expected in daemon.said(), daemon.said())
    posted = generator.run(100)
    daemon.stop()
    check(check_conserved(events_in(directory / "log"), posted) == 0, "lost")


def drop_in(directory):
    """a drop-in overrides, a reload takes it in"""
    generator = Generator()
    daemon = Daemon(directory, to_file(directory, "gen"))
    drop_ins = directory / "tandemd.conf.d"
    drop_ins.mkdir()
    (drop_ins / "50-other.conf").write_text("sink log { path = %s }" % (directory / "other"))
    daemon.reload()
    posted = generator.run(100)
    daemon.stop()
    check(check_conserved(events_in(directory / "other"), posted) == 0, "lost")
    check(not events_in(directory / "log"), "events in the former file")


def device_removed_by_reload(directory):
    """a device that a reload takes away is read to the end first"""
    generator = Generator()
    daemon = Daemon(directory, to_file(directory, "gen", "ring-size = 4M watermark = 1M"))
    posted = generator.run(500)
    daemon.configure("sink log { kind = file path = %s }\n" % (directory / "log"))
    daemon.reload()
    daemon.stop()
    check(check_conserved(events_in(directory / "log"), posted) == 0, "lost")


def end_loses_nothing(directory):
    """SIGTERM: all that was posted before it is written"""
    generator = Generator()
    for _ in range(3):
        daemon = Daemon(directory, to_file(directory, "gen", "ring-size = 8M"))
        posted = generator.run(5000)
        said = daemon.stop()
        check(check_conserved(events_in(directory / "log"), posted) == 0, "lost")
        check("%d consumed, 0 lost; sink log: %d written" % (posted, posted) in said, said)
        (directory / "log").unlink()


def device_later(directory):
    """a device is consumed when it appears, and when it comes back"""
    daemon = Daemon(directory, to_file(directory, "later"))
    daemon.wait_said("device later is not there")
    for turn in range(3):
        server = Server("later")
        wait_for("the subscription", lambda: daemon.said().count("later is consumed") == turn + 1)
        server.post(b"turn %d" % turn)
        server.remove()
        wait_for("the end", lambda: daemon.said().count("later is gone") == turn + 1)
    said = daemon.stop()
    events = events_in(directory / "log")
    check([bytes.fromhex(event["data"]) for event in events] == [b"turn 0", b"turn 1", b"turn 2"], events)
    check(said.count("is not there") == 1, said)


def rests(status):
    """No wake-up within two seconds."""
    switches = [line for line in status.read_text().splitlines() if "ctxt_switches" in line]
    time.sleep(2)
    return switches == [line for line in status.read_text().splitlines() if "ctxt_switches" in line]


def module_later(directory):
    """the daemon is there before the module, and does not wait by looking"""
    check(not modules.unload(), "the modules are in use")
    try:
        daemon = Daemon(directory, to_file(directory, "gen"))
        daemon.wait_said("device gen is not there")
        status = pathlib.Path("/proc/%d/status" % daemon.process.pid)
        wait_for("rest", lambda: rests(status))
    finally:
        error = modules.load()
    check(not error, error)
    daemon.wait_said("device gen is consumed")
    generator = Generator()
    posted = generator.run(10)
    daemon.stop()
    check(check_conserved(events_in(directory / "log"), posted) == 0, "lost")


def unprivileged(directory):
    """a user who is in the device's group alone will do, one who is not is told so"""
    nobody = pwd.getpwnam("nobody")
    group = grp.getgrnam("tandem").gr_gid
    os.chown("/dev/tandem/process", 0, group)
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    daemon = Daemon(directory, to_file(directory, "process"), user=(nobody.pw_uid, nobody.pw_gid, []))
    daemon.wait_said("device process must not be read by this user")
    said = daemon.stop()
    check(said.count("must not be read") == 1, said)

    daemon = Daemon(directory, to_file(directory, "process"),
                    user=(nobody.pw_uid, nobody.pw_gid, [group]))
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    wait_for("the exit", lambda: "exit" in forked(events_in(directory / "log"), child.pid))
    said = daemon.stop()
    check("as root" not in said, said)


def permission_later(directory):
    """permission that comes after the device, as udev gives it, is noticed"""
    nobody = pwd.getpwnam("nobody")
    group = grp.getgrnam("tandem").gr_gid
    os.chown("/dev/tandem/process", 0, 0)
    daemon = Daemon(directory, to_file(directory, "process", "sinks = { stdout }"),
                    user=(nobody.pw_uid, nobody.pw_gid, [group]))
    daemon.wait_said("device process must not be read by this user")
    os.chown("/dev/tandem/process", 0, group)
    daemon.wait_said("device process is consumed")
    daemon.stop()


def watermark(directory):
    """events below the watermark come, if late"""
    generator = Generator()
    daemon = Daemon(directory, to_file(directory, "gen", "watermark = 32K"))
    posted = generator.run(10)
    wait_for("the events", lambda: len(events_in(directory / "log")) == posted)
    _, devices = daemon.stats()
    check(not devices["gen"]["wakeups"], devices)
    daemon.stop()


def memory(directory):
    """private memory stays below 8 MiB, also after a storm, without any configuration"""
    daemon = Daemon(directory)
    daemon.wait_said("device process is consumed")
    forks = 300 // SCALE
    for _ in range(forks):
        if not os.fork():
            os._exit(0)
        os.wait()
    wait_for("the events", lambda: daemon.stats()[1]["process"]["consumed"] >= 2 * forks)
    dump, _ = daemon.stats()
    daemon.stop()
    check(0 < dump["rss_anon"] < 8 << 20, dump)


def service_manager(directory):
    """the service manager is told of reloads, life and end"""
    daemon = Daemon(directory, to_file(directory, "gen"), WATCHDOG_USEC="500000")
    daemon.wait_notice("WATCHDOG=1")
    posted = Generator().run(10)
    before = time.monotonic_ns() // 1000
    daemon.signal(signal.SIGHUP)
    notice = daemon.wait_notice("RELOADING=1")
    said = int(notice.split("MONOTONIC_USEC=")[1].split()[0])
    check(before <= said <= time.monotonic_ns() // 1000, before, said)
    daemon.wait_notice("READY=1")
    daemon.signal(signal.SIGTERM)
    daemon.wait_notice("STOPPING=1")
    daemon.wait_notice("STATUS=%d events consumed, 0 lost" % posted)
    daemon.wait()


def deaf_service_manager(directory):
    """a service manager that does not listen holds up nothing"""
    daemon = Daemon(directory, to_file(directory, "gen"), WATCHDOG_USEC="200000")
    queue = int(pathlib.Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    for turn in range(min(queue, 100)):
        daemon.signal(signal.SIGHUP)
        wait_for("reload %d" % turn, lambda: daemon.said().count("is read anew") > turn)
    check(daemon.said().count("the service manager does not listen") == 1, daemon.said())
    posted = Generator().run(10)
    daemon.stop()
    check(check_conserved(events_in(directory / "log"), posted) == 0, "lost")


def many_devices(directory):
    """many devices go into one file, each whole"""
    names = ["d%d" % i for i in range(20)]
    servers = [Server(name) for name in names]
    try:
        daemon = Daemon(directory, "".join("device %s { sinks = { log } ring-size = 64K }\n" % name
                                           for name in names)
                        + "sink log { kind = file path = %s }\n" % (directory / "log"))
        for turn in range(20):
            for server in servers:
                server.post(b"%d" % turn)
        daemon.stop()
    finally:
        for server in servers:
            server.remove()
    events = events_in(directory / "log")
    for name in names:
        turns = [int(bytes.fromhex(event["data"])) for event in events if event["device"] == name]
        check(turns == list(range(20)), name, turns)


def clean_memory(directory):
    """valgrind finds nothing to complain about"""
    try:
        subprocess.run(["valgrind", "--version"], check=True, capture_output=True)
    except FileNotFoundError:
        raise tandemd.Skipped("valgrind is not installed") from None
    path = directory / "tandemd.conf"
    path.write_text(to_file(directory, "process") + "device nowhere { sinks = { stdout } }\n")
    errors = directory / "errors"
    with open(errors, "wb") as stderr:
        daemon = subprocess.Popen(
            ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=all", "--error-exitcode=9",
             os.environ["TANDEM_BUILD"] + "/tandemd", "--config", path],
            stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        wait_for("the start", lambda: b"process is consumed" in errors.read_bytes(), 4 * DEADLINE)
        subprocess.run(["/bin/true"], check=True)
        path.write_text("device process { sinks = { log } ring-size = 1M types = { exec } }\n"
                        "sink log { kind = file path = %s }\n" % (directory / "other"))
        daemon.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: b"read anew" in errors.read_bytes(), 4 * DEADLINE)
        path.write_text("nonsense")
        daemon.send_signal(signal.SIGHUP)
        wait_for("the error", lambda: b"stays as it was" in errors.read_bytes(), 4 * DEADLINE)
        subprocess.run(["/bin/true"], check=True)
        daemon.send_signal(signal.SIGUSR1)
        daemon.terminate()
        status = daemon.wait(4 * DEADLINE)
    finally:
        daemon.kill()
        daemon.wait()
    check(status == 0 and b"==" not in errors.read_bytes(), status, errors.read_bytes().decode())


run_cases([fork_events, filters, fork_storm, slow_reader, no_reader, closed_pipe, full_disk,
           full_disk_at_end, rotation, reload_keeps, broken_reload, drop_in, device_removed_by_reload,
           end_loses_nothing, device_later, module_later, unprivileged, permission_later, watermark,
           memory, service_manager, deaf_service_manager, many_devices, clean_memory])
