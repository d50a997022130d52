# SPDX-License-Identifier: GPL-2.0
# Packages for Debian, and the machines that try them: of this release, and others by SUITE=trixie.
SUITE ?= own

.PHONY: deb check-install
deb: packages
	$(quiet)packaging/install-deps packaging/deb-deps.txt
	$(quiet)packaging/deb build/deb

check-install: packages
	$(quiet)packaging/install-deps packaging/deb-deps.txt packaging/check-install-deps.txt
	$(quiet)selftests/install/check $(SUITE)
