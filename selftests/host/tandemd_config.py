#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""tandemd --check: an error in a configuration is one line naming file, line and what was expected."""
import os
import pathlib
import subprocess
import sys
import tempfile

TANDEMD = pathlib.Path(os.environ["TANDEM_BUILD"]) / "tandemd"

GOOD = {
    "an empty file": "",
    "comments of all kinds, also within a list":
        "# one\n// two\n/* three\n*/ device process { types = { # four\n fork, /* five */ exec }\n }\n",
    "every option":
        "stop-timeout = 7\n"
        "device process { types = { fork, 3 } classes = { normal, critical } ring-size = 1M\n"
        "  watermark = 4K sinks = { log, journal } }\n"
        "device other { types = {} }\n"
        "sink log { kind = \"file\" path = \"/var/log/a b.json\" buffer-size = 64K }\n"
        "sink out { kind = stdout }\n",
    "a device that is left alone": "device process { sinks = {} }",
    "a durable subscription, and none any more":
        "device process { durable = keep.1 layout = shared }\n"
        "device other { layout = per-cpu durable = \"\" }\n",
    "a predefined sink changed": "sink journal { buffer-size = 1M }",
    "comment marks within strings":
        "sink log { kind = file path = \"/tmp/#a//b/*c\" }\ndevice a { sinks = { log } }",
}

# Text, line of the error, what it says.
BAD = [
    ("colour = blue\n", 1, "expected stop-timeout, device or sink: no such option 'colour'"),
    ("\n\ndevice process {\n  speed = 3\n}\n", 4,
     "expected types, classes, ring-size, watermark, layout, durable or sinks: no such option 'speed'"),
    ("/* a\n comment */\nsink x {\n  kind = file # here\n  file = /a\n}\n", 5,
     "expected kind, path or buffer-size: no such option 'file'"),
    ("device process {\n types = {\n fork, # one\n /* two */ sprint }\n}\n", 4,
     "expected a type of event: a number below 4096, or its name, found sprint"),
    ("device process { types = 4096 }", 1,
     "expected a type of event: a number below 4096, or its name, found 4096"),
    ("device meter { types = fork }", 1,
     "expected a type of event: a number below 4096, or its name, found fork"),
    ("device process { types = 1K }", 1,
     "expected a type of event: a number below 4096, or its name, found 1K"),
    ("device process {\nclasses = { bulk, dear } }", 2,
     "expected bulk, normal, important or critical, found dear"),
    ("device process {\n ring-size = 100000\n}", 2,
     "expected a power of two from 64K to 64M, found 100000"),
    ("device process {\n ring-size = 32K\n}", 2, "expected a power of two from 64K to 64M, found 32K"),
    ("device process {\n ring-size = 128M\n}", 2,
     "expected a power of two from 64K to 64M, found 128M"),
    ("device process { ring-size = -65536 }", 1,
     "expected a power of two from 64K to 64M, found -65536"),
    ("device process { ring-size = 18446744073709551617K }", 1,
     "expected a power of two from 64K to 64M, found 18446744073709551617K"),
    ("device process { ring-size = \"\" }", 1,
     "expected a power of two from 64K to 64M, found nothing"),
    ("device process {\n\n watermark = 64K\n ring-size = 64K\n}", 3,
     "expected a watermark of at most 32768, half the ring"),
    ("device process { watermark = lots }", 1,
     "expected a number of bytes up to half the ring's, found lots"),
    ("device process {\n layout = ring\n}", 2, "expected per-cpu or shared, found ring"),
    ("device process { durable = .keep }", 1,
     "expected a name of letters, digits, '.', '_' and '-', or \"\", found .keep"),
    ("device process { durable = " + 64 * "a" + " }", 1,
     "expected a name of letters, digits, '.', '_' and '-', or \"\", found " + 64 * "a"),
    ("stop-timeout = 0", 1, "expected a number of seconds from 1 to 600, found 0"),
    ("stop-timeout = soon", 1, "expected a number of seconds from 1 to 600, found soon"),
    ("stop-timeout =\n", 2, "expected the rest of an option: premature end of file"),
    ("stop-timeout 5", 1, "expected =: missing equal sign after option 'stop-timeout'"),
    ("stop-timeout = }", 1, "expected an option or section, found } without its {"),
    ("device a { sinks += { b } }", 1, "expected =, found +="),
    ("device a {\n sinks = {\n stdout,\n nowhere } }", 4,
     "expected the name of a sink, found nowhere, which is none"),
    ("device {\n}", 1, "expected a name behind the section's: missing title for section 'device'"),
    ("device a\n ring-size = 1M", 2, "expected {: missing opening brace for section 'device'"),
    ("\ndevice control {\n}\n", 2, "expected the name of a device, found control"),
    ("\ndevice \"../process\" {\n}\n", 2, "expected the name of a device, found ../process"),
    ("device " + 64 * "a" + " {}", 1, "expected the name of a device, found " + 64 * "a"),
    ("\ndevice \"\" {\n}\n", 2, "expected the name of a device, found "),
    ("device a {}\ndevice b {}\ndevice a {\n}\n", 3,
     "expected one section of each name: found duplicate title 'a'"),
    ("device a { \"(opening)\" = {} }\ndevice sync { \"(opening)\" = {} }", 2,
     "expected the name of a device, found sync"),
    ("sink x { kind = pigeon }", 1, "expected stdout, file or journal, found pigeon"),
    ("\nsink x {\n}\n", 2, "expected the kind of sink x"),
    ("\nsink x {\n kind = file\n}\n", 2, "expected a path for sink x, which is a file"),
    ("sink x { kind = stdout path = /a }", 1, "expected no path for sink x, which is no file"),
    ("sink x { kind = file path = log }", 1, "expected the path of a file, from / on, found log"),
    ("sink x { kind = file path = /var/log/ }", 1,
     "expected the path of a file, from / on, found /var/log/"),
    ("sink x { buffer-size = 1 kind = stdout }", 1,
     "expected a number of bytes from 4K to 64M, found 1"),
    ("sink \"a\nb\" { kind = stdout }", 2,
     "expected a name of letters, digits, '.', '_' and '-', found a?b"),
    ("device a {\n sinks = { stdout }\n\n", 1, "expected } to match the { in this line"),
    ("device a {\n}\n}\n", 3, "expected an option or section, found } without its {"),
    ("device \"a {\n}\n\n", 1, "expected \" to end the string begun here"),
    ("\n/* device a {\n}\n\n", 2, "expected */ to end the comment begun here"),
    ("device a { types = { 1 2 } }", 1,
     "expected a value, or a list in braces if the option takes one: unexpected token '2'"),
    ("device a { ring-size = { 64K } }", 1,
     "expected a value, or a list in braces if the option takes one: unexpected token '{'"),
    ("a|b = 1", 1, "expected stop-timeout, device or sink: no sub-section title/index for 'a'"),
    ("stop-timeout = 5\n\0\n", 2, "expected text, found a NUL byte"),
    ("{{{{{{{{{", 1, "expected fewer braces"),
]


class Tap:
    def __init__(self):
        self.number = 0
        self.failed = 0

    def case(self, name, good, *why):
        self.number += 1
        self.failed += not good
        print("%s %d - %s" % ("ok" if good else "not ok", self.number, name.replace("#", "(hash)")))
        if not good:
            for line in why:
                print("# " + repr(line))

    def finish(self):
        print("1..%d" % self.number)
        sys.exit(1 if self.failed else 0)


def check(path, *more):
    return subprocess.run([TANDEMD, "--check", "--config", path, *more], capture_output=True,
                          text=True, errors="replace", timeout=20)


def drop_ins(tap, path):
    directory = path.with_name(path.name + ".d")
    directory.mkdir()
    path.write_text("device process { sinks = { log } }")
    (directory / "20-sink.conf").write_text("sink log { kind = file path = /var/log/x }")
    run = check(path)
    tap.case("a drop-in adds what the file needs", run.returncode == 0, run.stderr)

    (directory / "20-sink.conf").write_text("\nsink log { kind = file }")
    run = check(path)
    expected = "tandemd: %s:2: expected a path for sink log, which is a file\n" % (
        directory / "20-sink.conf")
    tap.case("an error names the drop-in", run.stderr == expected, run.stderr, expected)

    (directory / "30-path.conf").write_text("sink log { path = /var/log/y }")
    run = check(path)
    tap.case("a later drop-in completes an earlier one", run.returncode == 0, run.stderr)

    (directory / "40-broken.conf.off").write_text("nonsense")
    (directory / ".hidden.conf").write_text("nonsense")
    run = check(path)
    tap.case("files that do not end in .conf are not read", run.returncode == 0, run.stderr)

    (directory / "10-early.conf").write_text("sink log { kind = pigeon }")
    run = check(path)
    tap.case("drop-ins are read in the order of their names",
             "10-early.conf:1: " in run.stderr and run.returncode == 1, run.stderr)


def files(tap, path):
    run = check(path.with_name("none.conf"))
    tap.case("a file that is named must be there",
             run.returncode == 1 and run.stderr == "tandemd: %s: cannot be read: No such file or "
             "directory\n" % path.with_name("none.conf"), run.stderr)
    run = check(path.parent)
    tap.case("a directory is no configuration", run.returncode == 1 and
             "expected a file, found a directory" in run.stderr, run.stderr)
    big = path.with_name("big.conf")
    big.write_bytes(b"#" * 2000000)
    run = check(big)
    tap.case("a file has a limit", run.returncode == 1 and
             "expected less than 1048576 bytes" in run.stderr, run.stderr)
    run = check(path, "extra")
    tap.case("an argument is wrong usage", run.returncode == 2, run.stderr)
    run = subprocess.run([TANDEMD, "--nonsense"], capture_output=True, text=True, timeout=20)
    tap.case("an unknown option is wrong usage", run.returncode == 2, run.stderr)


def mutations(tap, path):
    """Every prefix of a good file, and the file with each byte made another, has an answer in one line."""
    text = GOOD["every option"].encode()
    wrong = []
    texts = [text[:i] for i in range(len(text))]
    for byte in b"{}\"#/='\n\\$|+(\xff":
        texts += [text[:i] + bytes([byte]) + text[i + 1:] for i in range(0, len(text), 3)]
    for mutant in texts:
        path.write_bytes(mutant)
        run = check(path)
        good = run.returncode == 0 and not run.stderr
        bad = (run.returncode == 1 and run.stderr.count("\n") == 1
               and run.stderr.startswith("tandemd: %s:" % path) and "expected" in run.stderr)
        if not good and not bad:
            wrong.append((mutant, run.returncode, run.stderr))
    tap.case("%d mutants of a good file are taken or refused in one line" % len(texts), not wrong,
             *wrong[:3])


def main():
    print("TAP version 13")
    tap = Tap()
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "tandemd.conf"
        for name, text in GOOD.items():
            path.write_text(text)
            run = check(path)
            tap.case("good: " + name, run.returncode == 0 and not run.stderr, run.stderr)
        for text, line, message in BAD:
            path.write_text(text)
            run = check(path)
            expected = "tandemd: %s:%d: %s\n" % (path, line, message)
            tap.case("bad: " + " ".join(text[:60].split()).replace("\0", "NUL"),
                     run.returncode == 1 and run.stderr == expected and not run.stdout,
                     run.stderr, expected)
        files(tap, path)
        mutations(tap, path)
        drop_ins(tap, path)
    tap.finish()


main()
