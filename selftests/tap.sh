# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by tests that are scripts: TAP, one point after the other.
tests=0 failed=0

# report WHAT STATUS: one line of TAP.
report()
{
	tests=$((tests + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $tests $1"
	else
		echo "not ok $tests $1"
		failed=$((failed + 1))
	fi
}

finish()
{
	echo "1..$tests"
	exit $((failed > 0))
}

echo "TAP version 13"
