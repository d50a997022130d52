# SPDX-License-Identifier: GPL-2.0
#
# What a person can do. Kbuild says what the modules are.
#
#   make                modules for the running kernel (or KDIR=…), library, daemon and command
#   make demo           boots Debian's kernel in QEMU and shows everything at work
#   make check          all tests, on Debian's kernel and on one with KASAN and lockdep
#   make check T=ring   the tests whose name contains "ring"; KERNEL=stock for one kernel, or others: see CONTRIBUTING.md
#   make check-model    models of what runs at the same time, and their mutants, which must fail
#   make shell          a shell in the virtual machine, everything loaded
#   make bench          numbers
#   make install        modules, headers, library, daemon, command (DESTDIR, prefix); make uninstall
#   make install-dkms   the modules' source, for DKMS; see packaging/install.mk
#   make deb            Debian packages, in build/deb
#   make check-install  boots Debian, installs these packages there, upgrades and purges them
#   make lint           style of C, shell, prose and man pages
#   make clean          removes build/; make distclean removes the cached kernels as well
#
# User space is built without recursion. Each directory has a fragment build.mk, included here, which only
# adds to lists (paths are those from the top of the tree):
#
#   programs += tandemctl                   build/user/tandemctl
#   tandemctl-objs := cli/main.o cli/list.o its objects; without this line NAME.o
#   tandemctl-libs := $(LIBTANDEM) -lmnl    what it links; an archive is also a prerequisite
#   tests += ring                           selftests/ring.c -> build/user/selftests/ring, run in the virtual machine
#   host-tests += arith                     selftests/host/arith.c -> build/user/selftests/host/arith, run on the host
#   selftests/ring-libs := -lpthread        lists of tests carry the path: selftests/NAME-objs, -libs
#   CFLAGS-daemon := $(call pkg-cflags,libsystemd)   flags for all of daemon/*.c
#   CFLAGS-cli/ioctl.o := -Wno-shadow       flags for one object
#   goals += $(O)/libtandem.so.0            other files that belong to "make"
#   install-files += FILE:DIRECTORY:MODE    one installed file per word; the name is kept
#   install-links += TARGET:LINK            one symbolic link per word
#
# Objects are compiled as $(O)/DIR/NAME.o; $(O)/DIR/NAME.pic.o is the same with -fPIC.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# The one place that says it is the newest entry of Debian's changelog, which its tools insist on.
VERSION := $(shell sed -n '1s/^tandem (\(.*\)) .*/\1/p' debian/changelog)
O := build/user
V ?= 0
quiet := $(if $(filter 0,$(V)),@)
note = $(if $(filter 0,$(V)),@printf '  %-8s%s\n' $(1) $(2))

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
AR ?= ar
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS_ALL := -D_GNU_SOURCE -DTANDEM_VERSION=\"$(VERSION)\" -Iuapi -Ilib/include $(CPPFLAGS)
CFLAGS_ALL := -std=gnu11 $(WARN) $(CFLAGS)

# These goals install what is missing before they build anything.
silent := $(if $(filter demo check check-model check-install deb shell bench lint packages clean distclean,$(MAKECMDGOALS)),2>/dev/null)
pkg-cflags = $(shell $(PKG_CONFIG) --cflags $(1) $(silent))
pkg-libs = $(shell $(PKG_CONFIG) --libs $(1) $(silent))

prefix ?= /usr/local
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
sbindir ?= $(exec_prefix)/sbin
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
docdir ?= $(datadir)/doc/tandem
sysconfdir ?= $(if $(filter /usr /usr/local,$(prefix)),/etc,$(prefix)/etc)
unitdir ?= $(prefix)/lib/systemd/system
udevdir ?= $(if $(filter /usr/local,$(prefix)),/etc/udev,$(prefix)/lib/udev)
sysusersdir ?= $(prefix)/lib/sysusers.d
srcdir ?= $(prefix)/src/tandem

LIBTANDEM := $(O)/libtandem.a

programs :=
tests :=
host-tests :=
goals :=
install-files :=
install-links :=

-include lib/build.mk
-include decode/build.mk
-include genl/build.mk
-include daemon/build.mk
-include cli/build.mk
-include examples/build.mk
-include selftests/build.mk
-include bench/build.mk
-include docs/build.mk
include packaging/build.mk
include selftests/qemu/build.mk
include selftests/models/build.mk

test-programs := $(addprefix selftests/,$(tests)) $(addprefix selftests/host/,$(host-tests))
all-programs := $(programs) $(test-programs) $(bench-programs)

.PHONY: all user tests modules install uninstall clean distclean
all: user modules
user: $(addprefix $(O)/,$(programs)) $(goals)
tests: $(addprefix $(O)/,$(test-programs))

# One program: its objects, then its archives and flags.
define program-rule
objects-$(1) := $$(addprefix $(O)/,$$(or $$($(1)-objs),$(1).o))
all-objects += $$(objects-$(1))
$(O)/$(1): $$(objects-$(1)) $$(filter %.a,$$($(1)-libs))
	$$(call note,LD,$$@)
	$$(quiet)$$(CC) $$(CFLAGS_ALL) $$(LDFLAGS) -o $$@ $$(objects-$(1)) $$($(1)-libs)
endef
all-objects :=
$(foreach program,$(all-programs),$(eval $(call program-rule,$(program))))

# Tests find the kernel's harness, taken out of linux-source.
$(filter $(O)/selftests/%,$(all-objects)): | $(harness)
$(O)/selftests/%: CPPFLAGS_ALL += -isystem $(O)/include
# Its fixtures are functions that nobody declares, and its tests have parameters that they do not need.
$(O)/selftests/%: CFLAGS_ALL += -Wno-missing-prototypes -Wno-unused-parameter

flags-of = $(CFLAGS-$(patsubst %/,%,$(dir $(1)))) $(CFLAGS-$(1:.c=.o))

$(O)/%.o: %.c Makefile
	$(call note,CC,$@)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(call flags-of,$<) -MMD -MP -MF $@.d -c -o $@ $<

$(O)/%.pic.o: %.c Makefile
	$(call note,CC,$@)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(call flags-of,$<) -fPIC -MMD -MP -MF $@.d -c -o $@ $<

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# Modules. Kbuild builds beside the sources, so every kernel gets a directory of links to them.
KDIR ?= /lib/modules/$(shell uname -r)/build
KNAME ?= $(notdir $(patsubst %/build,%,$(KDIR)))
modules:
	$(quiet)selftests/qemu/modules $(KNAME) $(KDIR)

clean:
	rm -rf build

distclean: clean
	rm -rf "$${TANDEM_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/tandem}"

include packaging/install.mk
