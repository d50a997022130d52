#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The documentation says what the tree says: quoted code, links, commands, parameters, names of the ABI.

A block of code in Markdown follows a line that says what it quotes:

    <!-- quote: FILE -->         a whole file
    <!-- quote: FILE NAME -->    what stands between "[NAME]" and "[end]" in it

docs.py --update fills the blocks in from the files.
"""
import os
import pathlib
import re
import sys

TREE = pathlib.Path(os.environ.get("TANDEM_TREE") or pathlib.Path(__file__).resolve().parents[2])
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
PAGES += sorted(str(page.relative_to(TREE)) for page in (TREE / "docs").glob("*.md"))

QUOTE = re.compile(r"<!-- quote: (\S+)(?: (\S+))? -->\n```(\w*)\n(.*?)```\n", re.S)
BLOCK = re.compile(r"^(.*)\n```(\w+)\n", re.M)
SNIPPET = re.compile(r"^(?:/\*|#) \[([a-z-]+)\](?: \*/)?\n(.*?)^(?:/\*|#) \[end\](?: \*/)?$", re.S | re.M)
LANGUAGES_QUOTED = {"c", "make", "ini"}

failures = 0
number = 0


def result(name, problems):
    """One case of TAP."""
    global failures, number
    number += 1
    for problem in problems:
        print("# " + problem)
    print("%s %d %s" % ("not ok" if problems else "ok", number, name))
    failures += bool(problems)


def read(name):
    return (TREE / name).read_text()


def snippets(file):
    return {name: text.strip("\n") + "\n" for name, text in SNIPPET.findall(read(file))}


def source_of(file, name):
    """What a quote should be; None if there is no such thing."""
    if not (TREE / file).is_file():
        return None
    return snippets(file).get(name) if name else read(file)


def quotes(page):
    return [(file, name, text) for file, name, _, text in QUOTE.findall(read(page))]


def check_quotes(page):
    for file, name, text in quotes(page):
        source = source_of(file, name)
        if source is None:
            yield "%s quotes %s %s, which is not there" % (page, file, name)
        elif source != text:
            yield "%s quotes %s %s otherwise than it is; run %s --update" % (
                page, file, name, os.path.relpath(__file__, TREE))


def check_blocks(page):
    """Code that no test sees is not shown."""
    for before, language in BLOCK.findall(read(page)):
        if language in LANGUAGES_QUOTED and not before.startswith("<!-- quote: "):
            yield "%s has a block of %s that quotes nothing, after the line '%s'" % (page, language, before)


def check_all_quoted():
    quoted = {(file, name) for page in PAGES for file, name, _ in quotes(page)}
    for path in sorted((TREE / "docs/guide").iterdir()):
        file = str(path.relative_to(TREE))
        for name in snippets(file) if path.is_file() else ():
            if (file, name) not in quoted:
                yield "%s has [%s], which no page quotes" % (file, name)


def anchors(page):
    for title in re.findall(r"^#+ (.*)$", read(page), re.M):
        yield re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def check_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (TREE / page).parent / file if file else TREE / page
        if not path.exists():
            yield "%s links to %s, which is not there" % (page, target)
        elif anchor and anchor not in anchors(path.resolve().relative_to(TREE)):
            yield "%s links to %s, which has no such heading" % (page, target)


def check_make(page, goals):
    for goal in re.findall(r"(?:^|`|\bsudo )make (?:[A-Z]+=\S+ )*([a-z]+)", read(page), re.M):
        if goal not in goals:
            yield "%s says make %s, which there is not" % (page, goal)


def make_goals():
    text = "\n".join(path.read_text() for path in [TREE / "Makefile", *TREE.glob("*/*.mk"),
                                                    *TREE.glob("*/*/*.mk")])
    return {goal for line in re.findall(r"^([a-z][a-z -]*):", text, re.M) for goal in line.split()}


def check_paths(page):
    """Paths of the tree, in backquotes."""
    tops = {path.name for path in TREE.iterdir() if path.is_dir() and path.name[0] != "."} - {"build"}
    for name in re.findall(r"`([\w.-]+/[\w./-]*)`", read(page)):
        if "NAME" in name:
            continue
        if name.split("/")[0] in tops and not (TREE / name).exists():
            yield "%s names %s, which is not there" % (page, name)


def check_parameters():
    page = read("README.md")
    declared = {}
    for path in (TREE / "kernel").rglob("*.c"):
        for name in re.findall(r"^module_param\((\w+),", path.read_text(), re.M):
            declared[name] = path
    told = set(re.findall(r"^\| `(\w+)` \| `tandem\w*` \|", page, re.M))
    for name in sorted(declared.keys() - told):
        yield "README.md does not tell of the module parameter %s" % name
    for name in sorted(told - declared.keys()):
        yield "README.md tells of a module parameter %s, which there is not" % name


def check_names(page, pattern, table):
    """Each constant of the ABI that matches has its row, and no row is of something else."""
    declared = set(re.findall(pattern, read("uapi/linux/tandem.h"), re.M))
    told = set(re.findall(table, read(page), re.M))
    for name in sorted(declared - told):
        yield "%s does not tell of %s" % (page, name)
    for name in sorted(told - declared):
        yield "%s tells of %s, which there is not" % (page, name)


def check_tracepoints():
    declared = set(re.findall(r"^(?:DEFINE_EVENT\(\w+, |TRACE_EVENT\()(tandem_\w+)",
                              read("kernel/trace.h"), re.M))
    told = set(re.findall(r"`tandem:(tandem_\w+)`", read("docs/windows-to-linux.md")))
    for name in sorted(declared ^ told):
        yield "the tracepoint %s is not both in kernel/trace.h and in docs/windows-to-linux.md" % name


def update():
    for page in PAGES:
        text = read(page)

        def filled(match):
            file, name, language, old = match.groups()
            source = source_of(file, name)
            return match[0] if source is None else match[0].replace(
                "```%s\n%s```\n" % (language, old), "```%s\n%s```\n" % (language, source))

        new = QUOTE.sub(filled, text)
        if new != text:
            (TREE / page).write_text(new)
            print(page)


def main():
    goals = make_goals()
    for page in PAGES:
        result("%s quotes code as it is" % page, list(check_quotes(page)))
        result("%s shows no code that is not tested" % page, list(check_blocks(page)))
        result("%s has links that lead somewhere" % page, list(check_links(page)))
        result("%s names what is there" % page,
               list(check_make(page, goals)) + list(check_paths(page)))
    result("all code of the guide is quoted", list(check_all_quoted()))
    result("the README tells of each module parameter", list(check_parameters()))
    result("netlink.md tells of each command",
           list(check_names("docs/netlink.md", r"^\t(TANDEM_CMD_(?!UNSPEC)\w+),",
                            r"^\| `(TANDEM_CMD_\w+)` \|")))
    result("netlink.md tells of each attribute",
           list(check_names("docs/netlink.md", r"^\t(TANDEM_ATTR_(?!UNSPEC)\w+),",
                            r"^\| `(TANDEM_ATTR_\w+)` \|")))
    result("the guide tells of each tracepoint", list(check_tracepoints()))
    print("1..%d" % number)
    return 1 if failures else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        sys.exit(main())
