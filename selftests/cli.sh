#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tandemctl: list, show, rights, usage, completion, and without the module.
# TIMEOUT=180
. "$(dirname "$0")/cli_util.sh"

# ---- list, show ----

table()
{
	status 0 list && head -1 "$out" | grep -q '^DEVICE .*KIND .*MODE .*POSTED$' &&
		grep -q '^gen  *kernel  *tandem_gen ' "$out" && grep -q '^process  *kernel  *tandem_process ' "$out"
}
check "list is a table" table

list_json()
{
	status 0 --json list &&
		json '[x["device"] for x in d[0]] == ["gen", "process"]' &&
		json 'd[0][1]["mode"] == "0640" and d[0][1]["events_mode"] == "0440" and d[0][1]["module"] == "tandem_process"' &&
		json 'd[0][0]["subscriptions"] == 0 and d[0][0]["kind"] == "kernel"'
}
check "list gives JSON" list_json

numbers_of_node()
{
	local major minor
	major=$((0x$(stat -c %t /dev/tandem/gen)))
	minor=$((0x$(stat -c %T /dev/tandem/gen)))
	status 0 list -j && json "(d[0][0]['major'], d[0][0]['minor']) == ($major, $minor)"
}
check "list has the node's numbers" numbers_of_node

pretty()
{
	status 0 show -p gen && [ "$(wc -l < "$out")" -gt 10 ] && python3 -m json.tool "$out" > /dev/null
}
check "pretty output is JSON on many lines" pretty

show_json()
{
	status 0 show gen -j && json 'd[0]["server"] is None and d[0]["subscribers"] == [] and d[0]["device"] == "gen"'
}
check "show gives JSON" show_json
check "show names the device that is not there" refused 3 "'nowhere'" show nowhere

show_text()
{
	status 0 show /dev/tandem/gen && grep -q '^Device: *gen$' "$out" && grep -q '^Server: *none$' "$out" &&
		grep -q '^Subscriptions: *none$' "$out"
}
check "show gives text, also for a path" show_text

# ---- Rights ----

as_nobody()
{
	local wanted=$1 got
	shift
	timeout 30 setpriv --reuid 65534 --regid 65534 --clear-groups tandemctl "$@" > "$out" 2> "$err" < /dev/null
	got=$?
	[ $got -eq "$wanted" ] || ! echo "# status $got, not $wanted"
}
check "anybody may list" as_nobody 0 list
denied()
{
	chgrp tandem /dev/tandem/process && as_nobody 6 watch process && grep -q 'usermod -aG tandem' "$err"
}
check "who may not open a node is told the group" denied
denied_control()
{
	as_nobody 6 post cli-denied x && grep -q '/dev/tandem/control' "$err"
}
check "who may not serve is told" denied_control

# ---- Usage ----

check "an unknown command, and the nearest one" refused 2 "'watch'" wtach
check "the beginning of a command" refused 2 "'monitor'" mon
check "no command" refused 2 "command is missing"
check "an unknown option" refused 2 "'--colour'" list --colour
check "an option without its value" refused 2 "'--count'" watch gen --count
check "an option with a value it does not take" refused 2 "'--json=yes'" list --json=yes
check "an argument too many" refused 2 "'gen'" list gen
check "an argument too few" refused 2 "DEVICE" show

helps()
{
	local command
	status 0 --help || return 1
	sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$out" > "$scratch/commands"
	while read -r command; do
		status 0 "$command" --help && cp "$out" "$scratch/help" && status 0 help "$command" &&
			cmp -s "$out" "$scratch/help" && grep -q "^Usage: tandemctl $command" "$out" &&
			grep -q '^Example' "$out" && ! grep -q '.\{100\}' "$out" || return 1
	done < "$scratch/commands"
	[ "$(wc -l < "$scratch/commands")" -eq 13 ]
}
check "help teaches each command" helps

version()
{
	status 0 --version && grep -qxE 'tandemctl [0-9]+\.[0-9]+\.[0-9]+' "$out"
}
check "version" version

full_disk()
{
	timeout 20 tandemctl list > /dev/full 2> "$err"
	[ $? -eq 1 ] && grep -q 'No space left' "$err"
}
check "a full disk is an error" full_disk


# ---- Completion ----

# completes WANTED WORD…: what the last word can become.
completes()
{
	local wanted=$1
	shift
	(
		compopt() { :; }
		. "$tree/packaging/completions/tandemctl" || exit 1
		COMP_WORDS=(tandemctl "$@")
		COMP_CWORD=$#
		_tandemctl
		echo "${COMPREPLY[*]}" > "$out"
	)
	[ "$(< "$out")" = "$wanted" ]
}
check "completion of commands" completes "show stat subscription serve" s
check "completion of devices" completes "gen process" show ""
check "completion of a device's beginning" completes "process" watch --type exec pro
check "completion of options" completes "--ring-size" watch gen --r
check "completion of types" completes "fork,exec fork,exit" watch process --type fork,ex
check "completion of classes" completes "bulk,normal" watch process --class bulk,n
check "completion of options of all commands" completes "--json" list --j
commands_complete()
{
	completes "$(tr '\n' ' ' < "$scratch/commands" | sed 's/ $//')" ""
}
check "completion knows every command" commands_complete

# ---- Without the module ----

without_half()
{
	rmmod tandem_gen && refused 3 "modprobe tandem_gen" watch gen
}
check "a kernel half that is not loaded is named" without_half
without_module()
{
	rmmod tandem_process && rmmod tandem && refused 4 "modprobe tandem" list && refused 4 "modprobe tandem" watch gen &&
		refused 4 "modprobe tandem" post cli-test x && refused 4 "modprobe tandem" stat -i 1 &&
		refused 4 "modprobe tandem" monitor && refused 4 "modprobe tandem" ioctl gen 1
}
check "without the module, all say so" without_module

finish_tests
