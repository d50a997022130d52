# SPDX-License-Identifier: GPL-2.0

programs += bench/measure bench/floor
bench/measure-objs := $(patsubst %,bench/%.o,main common result post consume wakeup busy)
bench/measure-libs := $(LIBTANDEM)

# The comparison needs packages that nothing else does, so only "make bench" builds it.
bench-programs := bench/compare bench/forks bench/requests
bench/compare-objs := $(patsubst %,bench/%.o,compare common result cost sleep rate peer \
	peer_tandem peer_ringbuf peer_netlink)
bench/compare-libs := $(LIBTANDEM) -lbpf -lmnl -lpthread
bench/forks-objs := $(patsubst %,bench/%.o,forks common result peer)
bench/forks-libs := $(LIBTANDEM)
bench/requests-objs := $(patsubst %,bench/%.o,requests echo_floor echo_tandem echo_cuse \
	common result peer)
bench/requests-libs := $(LIBTANDEM) -lfuse3 -lpthread

# Kernel headers of the machine lie where only its own compiler looks by itself.
$(O)/bench/%.bpf.o: bench/%.bpf.c
	$(call note,BPF,$@)
	@mkdir -p $(@D)
	$(quiet)clang -O2 -g -target bpf -Wall -I/usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<
