#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs the KUnit suites, which run when their module is loaded, and reports each of their cases.
set -u

module=$TANDEM_MODULES/tandem_kunit.ko
results=/sys/kernel/debug/kunit

echo "TAP version 13"
if [ ! -e "$module" ]; then
	echo "1..0 # SKIP this kernel has no KUnit"
	exit 4
fi
insmod "$module" || {
	echo "1..1"
	echo "not ok 1 $module loads"
	exit 1
}

# A suite's cases are indented below its own line; a case with parameters has lines that are indented further.
cases=$(cat $results/tandem*/results)
awk '
/^    (not )?ok [0-9]+ / {
	status = $1 == "not" ? "not ok" : "ok"
	sub(/^    (not )?ok [0-9]+ (- )?/, "")
	print status, ++count, $0
	failed += status != "ok"
	next
}
{ print "# " $0 }
END {
	print "1.." count + 0
	exit failed > 0 || !count
}' <<< "$cases"
status=$?
rmmod tandem_kunit
exit $status
