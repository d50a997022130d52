# SPDX-License-Identifier: GPL-2.0
"""The modules of this tree: load them and unload them, without a process for each."""
import ctypes
import os
import pathlib

DIRECTORY = pathlib.Path(os.environ["TANDEM_MODULES"])
LOADED_BEFORE_A_TEST = ("tandem", "tandem_process", "tandem_gen")
SYS_DELETE_MODULE, SYS_FINIT_MODULE = {"x86_64": (176, 313), "aarch64": (106, 273)}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)
files = {file.stem: file for file in DIRECTORY.glob("*.ko")}


def loaded(name):
    return os.path.exists("/sys/module/" + name)


def load():
    """Loads what is not loaded; returns what is wrong, or an empty string."""
    for name in LOADED_BEFORE_A_TEST:
        if loaded(name):
            continue
        if name not in files:
            return name + ".ko was not built"
        with open(files[name], "rb") as file:
            if libc.syscall(SYS_FINIT_MODULE, file.fileno(), b"", 0):
                return "%s does not load: %s" % (name, os.strerror(ctypes.get_errno()))
    return ""


def unload():
    """Unloads all, those that use others first; returns what is wrong, or an empty string."""
    left = [name for name in files if loaded(name)]
    error = ""
    while left:
        before = list(left)
        for name in before:
            if libc.syscall(SYS_DELETE_MODULE, name.encode(), os.O_NONBLOCK):
                error = os.strerror(ctypes.get_errno())
            else:
                left.remove(name)
        if left == before:
            return "%s cannot be unloaded: %s" % (" and ".join(left), error)
    return ""
