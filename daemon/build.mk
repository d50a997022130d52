# SPDX-License-Identifier: GPL-2.0

programs += tandemd
tandemd-objs := $(patsubst %,daemon/%.o,main config config_parse config_text lines log monitor \
	reader sink sink_file sink_journal source stats)
tandemd-libs = $(LIBTANDEM) $(DECODE) $(call pkg-libs,libsystemd libconfuse libmnl)
CFLAGS-daemon := -Idecode $(call pkg-cflags,libsystemd libconfuse libmnl json-c)

install-files += $(O)/tandemd:$(sbindir):755
