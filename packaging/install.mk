# SPDX-License-Identifier: GPL-2.0
# Installing puts down what the lists name, and uninstalling removes just that.

KREL ?= $(shell $(MAKE) -s -C $(KDIR) kernelrelease 2>/dev/null)
moddir = /lib/modules/$(KREL)/extra/tandem
module-build := build/kernel/$(KNAME)

module-names := tandem halves/tandem_process halves/tandem_gen
install-modules = $(foreach name,$(module-names),$(module-build)/kernel/$(name).ko:$(moddir):644)

# For programs, and for kernel halves that are built elsewhere: the headers, and what this build exports to them.
install-files += uapi/linux/tandem.h:$(includedir)/linux:644
install-files += kernel/tandem.h:$(srcdir)/kernel:644 uapi/linux/tandem.h:$(srcdir)/uapi/linux:644
install-symvers = $(module-build)/Module.symvers:$(srcdir)/$(KREL):644

all-install-files = $(install-files) $(install-modules) $(install-symvers)

# A configuration that somebody has changed is left as it is.
install: all
	@for entry in $(all-install-files); do \
		file=$${entry%%:*}; rest=$${entry#*:}; target="$(DESTDIR)$${rest%:*}/$${file##*/}"; \
		case $$target in *.conf) [ "$${rest%%/tandem:*}" != "$(sysconfdir)" ] || [ ! -e "$$target" ] || continue ;; esac; \
		install -D -m $${rest##*:} "$$file" "$$target" || exit 1; \
	done
	@for entry in $(install-links); do \
		ln -sfn "$${entry%%:*}" "$(DESTDIR)$${entry#*:}" || exit 1; \
	done
	$(if $(DESTDIR),,depmod $(KREL))

uninstall:
	@for entry in $(install-files) $(install-modules) $(install-symvers); do \
		file=$${entry%%:*}; rest=$${entry#*:}; \
		rm -f "$(DESTDIR)$${rest%:*}/$${file##*/}"; \
	done
	@for entry in $(install-links); do rm -f "$(DESTDIR)$${entry#*:}"; done
	@for dir in $(moddir) $(srcdir)/$(KREL) $(srcdir)/kernel $(srcdir); do \
		rmdir --ignore-fail-on-non-empty "$(DESTDIR)$$dir" 2>/dev/null || true; \
	done
	$(if $(DESTDIR),,depmod $(KREL))
