# SPDX-License-Identifier: GPL-2.0
# The code that the guide shows is compiled and run by a test; docs/guide/Kbuild has its kernel half.

guide-objs := $(addprefix docs/guide/,client.o board.o events.o processes.o server.o arrival.o raw.o)

tests += guide
selftests/guide-objs := selftests/guide.o $(guide-objs)
selftests/guide-libs := $(LIBTANDEM) -lmnl
CFLAGS-selftests/guide.o := -Idocs/guide

doc-files := $(addprefix docs/,benchmarks.md design.md events.md netlink.md verification.md windows-to-linux.md)
install-files += $(addsuffix :$(docdir):644,README.md CHANGELOG.md $(doc-files))
