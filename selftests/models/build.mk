# SPDX-License-Identifier: GPL-2.0
# Models of what runs at the same time, and their mutants. M=NAME checks one.

.PHONY: check-model
check-model: packages
	$(quiet)packaging/install-deps packaging/model-deps.txt
	$(quiet)selftests/models/run $(M)
