#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The ABI's layout is the frozen one, for 64 and for 32 bit programs. The kernel's own headers are enough for that.

cd "$(dirname "$0")/../.." || exit
headers=/usr/include/$(gcc -print-multiarch)
number=0
status=0
echo "TAP version 13"
echo "1..2"
for bits in 64 32; do
	number=$((number + 1))
	case $(uname -m) in
	x86_64) options=-m$bits ;;
	*) options= && [ $bits -eq 32 ] && echo "ok $number layout32 # SKIP no 32 bits here" && continue ;;
	esac
	# shellcheck disable=SC2086 # none or one word
	if gcc $options -std=gnu11 -Dstatic_assert=_Static_assert -fsyntax-only -Iuapi \
		-isystem "$headers" selftests/host/layout.c; then
		echo "ok $number layout$bits"
	else
		echo "not ok $number layout$bits"
		status=1
	fi
done
exit $status
