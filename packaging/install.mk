# SPDX-License-Identifier: GPL-2.0
# Installing puts down what the lists name, and uninstalling removes just that. A configuration that somebody has
# changed is neither overwritten nor removed.
#
#   install-user       library, headers, daemon, command, and all that belongs to them
#   install-modules    modules for one kernel, and what other modules need to be built against them
#   install-dkms       the modules' source, which dkms then builds for each kernel; instead of install-modules

# For programs, and for kernel halves that are built elsewhere.
install-files += uapi/linux/tandem.h:$(includedir)/linux:644
install-files += kernel/tandem.h:$(srcdir)/kernel:644 kernel/slist.h:$(srcdir)/kernel:644 \
	uapi/linux/tandem.h:$(srcdir)/uapi/linux:644

# "make kernelrelease" answers for the source, which Debian's headers are not.
KREL ?= $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
moddir = /lib/modules/$(KREL)/extra/tandem
module-build := build/kernel/$(KNAME)
module-names := tandem halves/tandem_process halves/tandem_gen
module-files = $(foreach name,$(module-names),$(module-build)/kernel/$(name).ko:$(moddir):644) \
	$(module-build)/Module.symvers:$(srcdir)/$(KREL):644

dkmsdir := /usr/src/tandem-$(VERSION)
dkms-sources := Kbuild uapi/linux/tandem.h $(shell find kernel \( -name 'Kbuild*' -o -name '*.[ch]' \) ! -name '*.mod.c')
dkms-files := $(O)/dkms.conf:$(dkmsdir):644 packaging/dkms-post-build:$(dkmsdir):755 \
	$(foreach file,$(dkms-sources),$(file):$(dkmsdir)/$(filter-out ./,$(dir $(file))):644)

.PHONY: dkms-conf
dkms-conf:
$(O)/dkms.conf: packaging/dkms.conf dkms-conf
	$(quiet)mkdir -p $(@D) && sed 's|@version@|$(VERSION)|' $< > $@

user-directories := $(includedir)/tandem $(srcdir)/kernel $(srcdir)/uapi/linux $(srcdir)/uapi $(srcdir) $(sysconfdir)/tandem $(docdir)
module-directories = $(moddir) $(srcdir)/$(KREL) $(srcdir)

# For each file of a list: $file is what is installed, $dir and $mode how, and $target where.
for-each-file = for entry in $(1); do \
	file=$${entry%%:*}; dir=$${entry%:*}; dir=$${dir\#*:}; mode=$${entry\#\#*:}; \
	target="$(DESTDIR)$${dir%/}/$${file\#\#*/}"
changed-by-somebody = [ "$$dir" = $(sysconfdir)/tandem ] && [ -e "$$target" ] && ! cmp -s "$$file" "$$target"

define put
@$(call for-each-file,$(1)); \
	if $(changed-by-somebody); then echo "  kept    $$target"; continue; fi; \
	install -D -m "$$mode" "$$file" "$$target" || exit; \
	case $$file in *.ko) strip --strip-debug "$$target" || exit ;; esac; \
done
endef

define take-away
@$(call for-each-file,$(1)); \
	if $(changed-by-somebody); then echo "  kept    $$target"; continue; fi; \
	rm -f "$$target" || exit; \
done
@for dir in $(2); do \
	[ ! -d "$(DESTDIR)$$dir" ] || rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$dir"; \
done
endef

# What only the machine itself can do, and no directory that is packed up.
here = $(if $(DESTDIR),,@$(1))

.PHONY: install-user install-modules install-dkms uninstall-user uninstall-modules uninstall-dkms
install: install-user install-modules
uninstall: uninstall-user uninstall-modules

install-user: user
	$(call put,$(install-files))
	@for entry in $(install-links); do \
		ln -sfn "$${entry%%:*}" "$(DESTDIR)$${entry#*:}" || exit; \
	done
	$(call here,ldconfig)

uninstall-user:
	@for entry in $(install-links); do rm -f "$(DESTDIR)$${entry#*:}" || exit; done
	$(call take-away,$(install-files),$(user-directories))
	$(call here,ldconfig)

install-modules: modules
	$(call put,$(module-files))
	$(call here,depmod $(KREL))

uninstall-modules:
	$(call take-away,$(module-files),$(module-directories))
	$(call here,depmod $(KREL))

install-dkms: $(O)/dkms.conf
	$(call put,$(dkms-files))
	$(call here,dkms install tandem/$(VERSION))

uninstall-dkms:
	$(call here,dkms remove tandem/$(VERSION) --all)
	rm -rf "$(DESTDIR)$(dkmsdir)"
