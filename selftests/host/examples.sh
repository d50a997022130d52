#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel half among the examples builds with its own Makefile.
set -eu

echo "TAP version 13"
echo "1..1"
settings=$("$TANDEM_TREE/selftests/qemu/kernel" stock)
eval "$settings"
"$TANDEM_TREE/selftests/qemu/modules" stock

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cp -r "$TANDEM_TREE/examples/hello" "$work"
# shellcheck disable=SC2154 # set by the settings above
if make -C "$work/hello" KDIR="$kdir" TANDEM="$TANDEM_TREE" \
	SYMBOLS="$TANDEM_TREE/build/kernel/stock/Module.symvers" > "$work/log" 2>&1 &&
	! grep -i warning "$work/log" && [ -e "$work/hello/hello.ko" ]; then
	echo "ok 1 examples/hello builds without a warning"
	exit
fi
sed 's/^/# /' "$work/log"
echo "not ok 1 examples/hello builds without a warning"
exit 1
