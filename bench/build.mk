# SPDX-License-Identifier: GPL-2.0

programs += bench/measure bench/floor
bench/measure-objs := $(patsubst %,bench/%.o,main common result post consume wakeup busy)
bench/measure-libs := $(LIBTANDEM)
