# SPDX-License-Identifier: GPL-2.0
# The kernel half in hello/ has a Makefile of its own, as one that lives elsewhere would.

programs += examples/consumer examples/note
examples/consumer-libs := $(LIBTANDEM)
examples/note-libs := $(LIBTANDEM)
