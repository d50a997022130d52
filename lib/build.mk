# SPDX-License-Identifier: GPL-2.0
# libtandem: the archive for our own programs, the shared library for others.

libtandem-objs := lib/device.o lib/dispatch.o lib/error.o lib/file.o lib/queue.o lib/reader.o lib/recorder.o \
	lib/request.o lib/serve.o lib/server.o lib/session.o lib/subscription.o lib/version.o lib/wait.o
libtandem-soname := libtandem.so.0
libtandem-so := libtandem.so.$(VERSION)

CFLAGS-lib := -fvisibility=hidden -D_FILE_OFFSET_BITS=64

$(O)/libtandem.a: $(addprefix $(O)/,$(libtandem-objs))
	$(call note,AR,$@)
	$(quiet)rm -f $@ && $(AR) rcs $@ $^

$(O)/$(libtandem-so): $(addprefix $(O)/,$(libtandem-objs:.o=.pic.o)) lib/libtandem.map
	$(call note,LD,$@)
	$(quiet)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -shared -Wl,-soname,$(libtandem-soname) -Wl,-z,defs \
		-Wl,--version-script=lib/libtandem.map -o $@ $(filter %.o,$^)

# A program that is linked in the build directory finds the library there.
$(O)/$(libtandem-soname) $(O)/libtandem.so: $(O)/$(libtandem-so)
	$(quiet)ln -sfn $(<F) $@

# Made anew whenever a directory has changed since.
.PHONY: tandem-pc
tandem-pc:
$(O)/tandem.pc: lib/tandem.pc.in tandem-pc
	@mkdir -p $(@D)
	$(quiet)sed -e 's|@prefix@|$(prefix)|' -e 's|@exec_prefix@|$(exec_prefix)|' -e 's|@libdir@|$(libdir)|' \
		-e 's|@includedir@|$(includedir)|' -e 's|@version@|$(VERSION)|' $< > $@.new
	$(quiet)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

goals += $(O)/libtandem.a $(O)/$(libtandem-soname) $(O)/libtandem.so $(O)/tandem.pc
install-files += $(O)/libtandem.a:$(libdir):644 $(O)/$(libtandem-so):$(libdir):755 \
	lib/include/tandem.h:$(includedir):644 $(O)/tandem.pc:$(libdir)/pkgconfig:644 \
	lib/include/tandem/interlocked.h:$(includedir)/tandem:644 lib/include/tandem/slist.h:$(includedir)/tandem:644
install-links += $(libtandem-so):$(libdir)/$(libtandem-soname) $(libtandem-soname):$(libdir)/libtandem.so

# Reader, waiting and serving are tested against simulated rings and queues; the whole of it in the virtual machine.
sim-tests := kinds reader waiting
host-tests += $(sim-tests) serve
$(foreach test,$(sim-tests),$(eval selftests/host/$(test)-objs := selftests/host/$(test).o selftests/host/sim.o))
selftests/host/kinds-libs := $(LIBTANDEM) -lpthread
selftests/host/serve-objs := selftests/host/serve.o selftests/host/session.o
selftests/host/serve-libs := $(LIBTANDEM) -lpthread
selftests/host/reader-libs := $(LIBTANDEM)
selftests/host/waiting-libs := $(LIBTANDEM) -lpthread
# Headers alone; and by a kernel half at the same time.
host-tests += interlocked slist
selftests/host/interlocked-libs := -lpthread
selftests/host/slist-libs := -lpthread
tests += interlocked
selftests/interlocked-objs := selftests/interlocked.o selftests/util.o
selftests/interlocked-libs := -lpthread
# The harness defines functions that nobody declares, with parameters that few need.
harness-warnings := -Wno-missing-prototypes -Wno-unused-parameter
CFLAGS-selftests/host/kinds.o := $(harness-warnings)
CFLAGS-selftests/host/reader.o := $(harness-warnings)
CFLAGS-selftests/host/serve.o := $(harness-warnings)
CFLAGS-selftests/host/waiting.o := $(harness-warnings)

# The same test twice: as it is, and with the library and itself under sanitizers.
lib-test-objs := selftests/lib.o selftests/util.o selftests/generator.o selftests/consumer.o
tests += lib lib-asan
lib-kinds := lib_kinds lib_durable lib_overflow
tests += $(lib-kinds)
$(foreach test,$(lib-kinds),$(eval selftests/$(test)-objs := selftests/$(test).o $(filter-out selftests/lib.o,$(lib-test-objs))))
$(foreach test,$(lib-kinds),$(eval selftests/$(test)-libs := $(LIBTANDEM)))
$(foreach test,$(lib-kinds),$(eval CFLAGS-selftests/$(test).o := $(harness-warnings)))
tests += lib_serve
selftests/lib_serve-objs := $(addprefix selftests/,lib_serve.o service.o util.o)
selftests/lib_serve-libs := $(LIBTANDEM) -lpthread
CFLAGS-selftests/lib_serve.o := $(harness-warnings)
CFLAGS-selftests/lib.o := $(harness-warnings)
selftests/lib-objs := $(lib-test-objs)
selftests/lib-libs := $(LIBTANDEM)
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
selftests/lib-asan-objs := $(patsubst %.o,%.asan.o,$(lib-test-objs) $(libtandem-objs))
selftests/lib-asan-libs := $(sanitize)
$(O)/%.asan.o: %.c Makefile
	$(call note,CC,$@)
	@mkdir -p $(@D)
	$(quiet)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(call flags-of,$<) $(sanitize) \
		-MMD -MP -MF $@.d -c -o $@ $<

lib-pages := libtandem tandem_bind tandem_control tandem_dispatch tandem_interlocked tandem_next tandem_reply \
	tandem_server_create tandem_server_run tandem_slist tandem_snapshot tandem_subscribe
install-files += $(foreach page,$(lib-pages),docs/man/$(page).3:$(mandir)/man3:644)
# A function that shares its page with others.
lib-page-link = $(foreach name,$(2),$(1).3:$(mandir)/man3/$(name).3)
install-links += $(call lib-page-link,libtandem,tandem_strerror tandem_version) \
	$(call lib-page-link,tandem_bind,tandem_post tandem_post_wait tandem_remove) \
	$(call lib-page-link,tandem_control,tandem_open) \
	$(call lib-page-link,tandem_dispatch,tandem_on) \
	$(call lib-page-link,tandem_interlocked,$(addprefix tandem_interlocked_,increment decrement add exchange_add \
		exchange compare_exchange and or xor bit_test_and_set bit_test_and_reset bit_test_and_complement \
		compare_exchange128)) \
	$(call lib-page-link,tandem_slist,$(addprefix tandem_slist_,init push pop flush next)) \
	$(call lib-page-link,tandem_next,tandem_arm tandem_record_cpu tandem_record_position tandem_record_ring \
		tandem_release tandem_wait) \
	$(call lib-page-link,tandem_reply,tandem_progress) \
	$(call lib-page-link,tandem_server_create,tandem_server_adopt tandem_server_destroy tandem_server_fd \
		tandem_server_queues tandem_server_ready) \
	$(call lib-page-link,tandem_server_run,tandem_server_dispatch tandem_server_stop) \
	$(call lib-page-link,tandem_subscribe,tandem_subscription_attached tandem_subscription_counters \
		tandem_subscription_fd tandem_subscription_remove tandem_unsubscribe)
