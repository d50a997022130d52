# SPDX-License-Identifier: GPL-2.0
# Questions by netlink. Programs that ask add $(GENL) to their libraries and -Igenl to their flags.

GENL := $(O)/libgenl.a -lmnl

$(O)/libgenl.a: $(O)/genl/genl.o
	$(call note,AR,$@)
	$(quiet)rm -f $@ && $(AR) rcs $@ $^
