# SPDX-License-Identifier: GPL-2.0
# Installing puts down what the lists name, and uninstalling removes just that. A configuration that somebody has
# changed is neither overwritten nor removed.

# "make kernelrelease" answers for the source, which Debian's headers are not.
KREL ?= $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
moddir = /lib/modules/$(KREL)/extra/tandem
module-build := build/kernel/$(KNAME)
module-names := tandem halves/tandem_process halves/tandem_gen
install-modules = $(foreach name,$(module-names),$(module-build)/kernel/$(name).ko:$(moddir):644)

# For programs, and for kernel halves that are built elsewhere: the headers, and what this build exports to them.
install-files += uapi/linux/tandem.h:$(includedir)/linux:644
install-files += kernel/tandem.h:$(srcdir)/kernel:644 uapi/linux/tandem.h:$(srcdir)/uapi/linux:644
install-symvers = $(module-build)/Module.symvers:$(srcdir)/$(KREL):644

own-directories = $(moddir) $(srcdir)/$(KREL) $(srcdir)/kernel $(srcdir)/uapi/linux $(srcdir)/uapi $(srcdir) \
	$(sysconfdir)/tandem $(docdir)

# For each file: $file is what is installed, $dir and $mode how, and $target where.
for-each-file = for entry in $(install-files) $(install-modules) $(install-symvers); do \
	file=$${entry%%:*}; dir=$${entry%:*}; dir=$${dir\#*:}; mode=$${entry\#\#*:}; \
	target="$(DESTDIR)$$dir/$${file\#\#*/}"
changed-by-somebody = [ "$$dir" = $(sysconfdir)/tandem ] && [ -e "$$target" ] && ! cmp -s "$$file" "$$target"
caches = $(if $(DESTDIR),,ldconfig && depmod $(KREL))

install: all
	@$(for-each-file); \
		if $(changed-by-somebody); then echo "  kept    $$target"; continue; fi; \
		install -D -m "$$mode" "$$file" "$$target" || exit; \
		case $$file in *.ko) strip --strip-debug "$$target" || exit ;; esac; \
	done
	@for entry in $(install-links); do \
		ln -sfn "$${entry%%:*}" "$(DESTDIR)$${entry#*:}" || exit; \
	done
	@$(caches)

uninstall:
	@$(for-each-file); \
		if $(changed-by-somebody); then echo "  kept    $$target"; continue; fi; \
		rm -f "$$target" || exit; \
	done
	@for entry in $(install-links); do rm -f "$(DESTDIR)$${entry#*:}" || exit; done
	@for dir in $(own-directories); do \
		[ ! -d "$(DESTDIR)$$dir" ] || rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$dir"; \
	done
	@$(caches)
