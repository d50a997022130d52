# SPDX-License-Identifier: GPL-2.0
# Packages for Debian.

.PHONY: deb
deb: packages
	$(quiet)packaging/install-deps packaging/deb-deps.txt
	$(quiet)packaging/deb build/deb
