#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The examples at work: the consumer prints what the kernel half posts.
#
# TIMEOUT=120
set -u
. "$TANDEM_TREE/selftests/tap.sh"

seconds=$((20 * ${TANDEM_TEST_SCALE:-1}))

# until_true COMMAND…: until it succeeds, or for so many seconds.
until_true()
{
	local end=$((SECONDS + seconds))

	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
	done
}

# The next line of the consumer is $1.
consumer_says()
{
	local line

	read -r -t "$seconds" line <&3 && [ "$line" = "$1" ] && return
	echo "# expected '$1', got '${line:-}'"
	return 1
}

# shellcheck disable=SC2317 # called by until_true
has_subscribed()
{
	readlink /proc/"$consumer"/fd/* 2> /dev/null | grep -q tandem-subscription
}

work=$(mktemp -d)
"$TANDEM_BUILD/examples/consumer" > "$work/none" 2>&1
report "without the device, the consumer ends" $((! $?))
sed 's/^/# /' "$work/none"

insmod "$TANDEM_MODULES/hello.ko"
report "it loads" $?
mkfifo "$work/lines"
"$TANDEM_BUILD/examples/consumer" > "$work/lines" &
consumer=$!
exec 3< "$work/lines"
until_true has_subscribed
report "the consumer subscribes" $?
tandemctl ioctl hello --device-control 7 --in 68656c6c6f -- --device-control 8 --in 776f726c64 > /dev/null
report "controls are taken" $?
consumer_says "7: hello"
report "the first event comes" $?
consumer_says "8: world"
report "the second event comes" $?
rmmod hello 2> /dev/null
report "it stays while somebody uses it" $((! $?))
kill "$consumer"
wait "$consumer" 2> /dev/null
exec 3<&-
rmmod hello
report "it goes afterwards" $?
rm -r "$work"
finish
