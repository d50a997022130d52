# SPDX-License-Identifier: GPL-2.0
# Tests that run in the virtual machine. They speak to the kernel without the library, so that a fault of one
# cannot hide a fault of the other.

core-tests := ring ring_read ring_loss conserve wakeup hostile hostile_map badinput badinput_size permission \
	server netlink netlink_changes unload hotplug failnth stress clock removal gen gen_run process \
	process_threads surprise abuse_fd abuse_memory abuse_map many
core-helpers := $(addprefix selftests/,util.o consumer.o generator.o query.o watcher.o faults.o touch.o)
core-tests += subscribe_flags shared overwrite durable block wait grant user_half
core-helpers += selftests/reader.o
# Devices whose requests the test answers.
core-tests += request request_signal schema queue_life queue_load hostile_server hostile_queue
core-helpers += selftests/serving.o selftests/call.o

tests += $(core-tests)
$(foreach test,$(core-tests),$(eval selftests/$(test)-objs := selftests/$(test).o $(core-helpers)))
$(foreach test,$(core-tests),$(eval selftests/$(test)-libs := -lmnl -lpthread))

selftests/abuse_memory-objs += selftests/withheld.o
selftests/abuse_memory-libs += -lfuse3
