# SPDX-License-Identifier: GPL-2.0
# What a person can do with the virtual machine.

harness := $(O)/include/kselftest_harness.h
$(harness):
	$(quiet)selftests/qemu/harness $(@D)

KERNEL ?= stock kasan
T ?=

.PHONY: check shell demo bench packages
packages:
	$(quiet)packaging/install-deps

# With T only those tests are built that it names.
wanted-tests = $(foreach test,$(test-programs),$(if $(findstring $(T),$(notdir $(test))),$(O)/$(test)))

# What a guest of another architecture runs; sanitizers are for one's own.
.PHONY: guest-tests
guest-tests: $(addprefix $(O)/selftests/,$(filter-out %-asan,$(tests)))

check: packages
	$(quiet)$(MAKE) user $(if $(T),$(wanted-tests),tests)
	$(quiet)selftests/qemu/check --match '$(T)' --tests '$(tests)' --host-tests '$(host-tests)' $(KERNEL)

shell: packages
	$(quiet)$(MAKE) user
	$(quiet)selftests/qemu/run --tty --name shell --timeout 86400 $(firstword $(KERNEL)) selftests/qemu/shell

demo: packages
	$(quiet)$(MAKE) user
	$(quiet)selftests/qemu/run --name demo --timeout 600 stock selftests/qemu/demo

bench: packages
	$(quiet)packaging/install-deps packaging/bench-deps.txt
	$(quiet)$(MAKE) user $(addprefix $(O)/,$(bench-programs) bench/ringbuf.bpf.o)
	$(quiet)bench/run $(MACHINE)

.PHONY: lint
lint: packages
	$(quiet)packaging/install-deps packaging/lint-deps.txt
	$(quiet)selftests/lint/run
