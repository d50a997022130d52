#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A kernel that Tandem cannot be built for, or was not built for, is told of in one sentence that says what to do.
set -u

kdir='' tests=0 failed=0
settings=$("$TANDEM_TREE/selftests/qemu/kernel" stock)
eval "$settings"
cd "$TANDEM_TREE" || exit

# says WHAT SENTENCE COMMAND…: the command fails with that sentence alone, which may be an extended expression.
says()
{
	local what=$1 sentence=$2 said status=0
	shift 2
	said=$("$@" 2>&1 > /dev/null) || status=$?
	tests=$((tests + 1))
	if [ $status -ne 0 ] && [ "$(wc -l <<< "$said")" -eq 1 ] && [[ $said =~ $sentence ]]; then
		echo "ok $tests $what"
		return
	fi
	echo "# exit status $status: $said"
	echo "not ok $tests $what"
	failed=1
}

echo "TAP version 13"
echo "1..3"
says "headers that are missing" 'no kernel build directory: .*\(apt install linux-headers-0\.0-none\)' \
	selftests/qemu/modules test-kernels /lib/modules/0.0-none/build
says "a kernel that is too old" 'Tandem needs kernel 6\.1 or later, and this is 5\.10' \
	selftests/qemu/modules test-kernels "$kdir" VERSION=5 PATCHLEVEL=10
if [ -e /sys/module/tandem ] || grep -qs /tandem.ko "/lib/modules/$(uname -r)/modules.dep"; then
	echo "ok 3 # SKIP Tandem is installed for the kernel that runs here"
else
	says "a kernel that has no module of it" "no module of it is installed for $(uname -r): build and install" \
		"$TANDEM_BUILD/tandemctl" list
fi
rm -rf build/kernel/test-kernels*
exit $failed
