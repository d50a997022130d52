# SPDX-License-Identifier: GPL-2.0
"""Checks JSON for the tests of tandemctl, without a new process for each check.

Reads lines FILE<tab>EXPRESSION, and answers each with "true" or with what is wrong. The expression
speaks of d, the objects of the file's lines. The file "documented" is no file: the line names
tandemctl's manual page, which must have each field that the files so far had.
"""
import json
import re
import sys

seen = set()


def walk(value):
    if isinstance(value, dict):
        seen.update(value)
        value = value.values()
    elif not isinstance(value, list):
        return
    for element in value:
        walk(element)


def documented(page):
    known = {"bulk", "normal", "important", "critical", "summary"}
    with open(page, encoding="utf-8") as text:
        for line in text:
            row = re.match(r"\.It ([a-z_, ]+) Ta ", line)
            if row:
                known.update(row.group(1).split(", "))
    if seen - known:
        return "not documented: %s" % sorted(seen - known)
    return "true" if len(seen) > 10 else "hardly a field was seen: %s" % sorted(seen)


def holds(path, expression):
    with open(path, encoding="utf-8") as text:
        d = [json.loads(line) for line in text]
    walk(d)
    return "true" if eval(expression, {"d": d}) else "not true: " + expression


for request in sys.stdin:
    name, rest = request.rstrip("\n").split("\t", 1)
    try:
        answer = documented(rest) if name == "documented" else holds(name, rest)
    except (KeyError, IndexError, TypeError, ValueError, OSError) as error:
        answer = "%r in: %s" % (error, rest)
    print(answer.replace("\n", " "), flush=True)
