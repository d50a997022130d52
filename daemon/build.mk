# SPDX-License-Identifier: GPL-2.0

programs += tandemd
tandemd-objs := $(patsubst %,daemon/%.o,main config config_parse config_text forget lines log monitor \
	notify reader sink sink_file sink_journal source stats target)
tandemd-libs = $(LIBTANDEM) $(DECODE) $(GENL) $(call pkg-libs,libsystemd libconfuse libmnl)
CFLAGS-daemon := -Idecode -Igenl -Ilib $(call pkg-cflags,libsystemd libconfuse libmnl json-c)

host-tests += lines
selftests/host/lines-objs := selftests/host/lines.o daemon/lines.o
CFLAGS-selftests/host/lines.o := -Idaemon

# Where the program is depends on the installation that is asked for, not on what was built before. What the unit may
# say depends on the systemd that will read it, which is this machine's unless SYSTEMD_VERSION is given.
.PHONY: $(O)/tandemd.service
goals += $(O)/tandemd.service
SYSTEMD_VERSION ?= $(shell $(PKG_CONFIG) --modversion libsystemd $(silent))
other-systemd = $(shell [ "0$(firstword $(subst ., ,$(SYSTEMD_VERSION)))" -ge 253 ] && echo before || echo since)
$(O)/tandemd.service: packaging/systemd/tandemd.service
	$(quiet)mkdir -p $(@D) && sed -e 's|@sbindir@|$(sbindir)|' -e '/^@$(other-systemd)-253@/d' \
		-e 's/^@[a-z]*-253@//' $< > $@

install-files += $(O)/tandemd:$(sbindir):755 $(O)/tandemd.service:$(unitdir):644 \
	packaging/tandemd/tandemd.conf:$(sysconfdir)/tandem:644 \
	packaging/sysusers.d/tandem.conf:$(sysusersdir):644 packaging/udev/60-tandem.rules:$(udevdir)/rules.d:644 \
	docs/man/tandemd.8:$(mandir)/man8:644 docs/man/tandemd.conf.5:$(mandir)/man5:644
