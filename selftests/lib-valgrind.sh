#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The library's test once more, with valgrind looking at every access and at what is not freed.
# TIMEOUT=400

if ! command -v valgrind > /dev/null; then
	echo "TAP version 13"
	echo "1..0 # SKIP valgrind is not installed"
	exit 4
fi
# It is slow itself: the loads shrink further.
TANDEM_TEST_SCALE=$((${TANDEM_TEST_SCALE:-1} * 8))
export TANDEM_TEST_SCALE
exec valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
	--errors-for-leak-kinds=definite,indirect,possible --sim-hints=lax-ioctls \
	"${TANDEM_BUILD:-$(dirname "$0")/../build/user}/selftests/lib"
