# SPDX-License-Identifier: GPL-2.0
# Decoders of events. Programs that use them add $(DECODE) to their libraries and -Idecode to their flags.

DECODE := $(O)/libdecode.a -ljson-c

decode-objs := decode/event.o decode/process.o

$(O)/libdecode.a: $(addprefix $(O)/,$(decode-objs))
	$(call note,AR,$@)
	$(quiet)rm -f $@ && $(AR) rcs $@ $^
