# SPDX-License-Identifier: GPL-2.0

programs += tandemctl
tandemctl-objs := $(addprefix cli/,main.o options.o number.o bytes.o error.o output.o json.o table.o \
	netlink.o attributes.o device.o stat.o monitor.o watch.o event.o \
	subscribe.o subscription.o post.o serve.o answer.o line.o node.o ioctl.o code.o guard.o)
tandemctl-libs := $(DECODE) $(LIBTANDEM) $(GENL)
CFLAGS-cli := -Idecode -Igenl -Ilib

host-tests += code
selftests/host/code-objs := selftests/host/code.o cli/code.o cli/number.o cli/bytes.o cli/error.o
selftests/host/code-libs := $(LIBTANDEM)
CFLAGS-selftests/host/code.o := -Icli -Idecode

install-files += $(O)/tandemctl:$(bindir):755
install-files += docs/man/tandemctl.8:$(mandir)/man8:644
install-files += packaging/completions/tandemctl:$(datadir)/bash-completion/completions:644
