#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The examples at work: the consumer prints what the kernel half posts, user halves keep what is written to them.
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

# note NAME COMMAND…: the user half keeps what is written to it, and others hear of it when it is gone.
note()
{
	local name=$1 server text
	shift
	"$@" > "$work/note" 2>&1 &
	server=$!
	until_true readable
	report "$name serves" $?
	dd if="$TANDEM_TREE/README.md" of="$work/text" bs=4000 count=1 status=none
	cp "$work/text" /dev/tandem/note && cmp "$work/text" /dev/tandem/note
	report "$name keeps what is written to it" $?
	printf 'short' > /dev/tandem/note
	text=$(cat /dev/tandem/note)
	[ "$text" = short ]
	report "$name keeps what is written then" $?
	kill "$server"
	wait "$server" 2> /dev/null
	sed 's/^/# /' "$work/note"
	readable
	report "$name answers no more when it is gone" $((! $?))
}

# shellcheck disable=SC2317 # called by until_true
readable()
{
	[ -c /dev/tandem/note ] && cat /dev/tandem/note > /dev/null 2>&1
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

note "the user half" "$TANDEM_BUILD/examples/note"
note "the one in Python" "$TANDEM_TREE/examples/note.py"
tandemctl remove note
report "the device is removed" $?
rm -r "$work"
finish
