#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tandemctl post, remove, read, write and ioctl.
# TIMEOUT=180
. "$(dirname "$0")/cli_util.sh"

# ---- post, remove ----

check "post makes a device" status 0 post cli-test --type 3 --class important hello
posted_device()
{
	status 0 show cli-test -j &&
		json 'd[0]["kind"] == "server" and d[0]["mode"] == "0640" and d[0]["events_mode"] == "0440" and d[0]["server"] is None' &&
		json "d[0]['node_gid'] == $(getent group tandem | cut -d: -f3)"
}
check "the device stays, for the group" posted_device

post_lines()
{
	start lines watch cli-test -j --count 5
	until_true subscribed cli-test "$pid" || return 1
	printf 'one\n\nlast without end' | timeout 20 tandemctl post cli-test -j --lines --type 4095 > "$out" &&
		json 'd[0]["posted"] == 3 and d[0]["device"] == "cli-test" and d[0]["generation"] > 1' &&
		status 0 post cli-test -c 3 -i '00 ff' --no-create &&
		head -c 10000 /dev/zero > "$scratch/zeros" && status 0 post cli-test --in "@$scratch/zeros" &&
		ended 0 "$pid" &&
		json 'sorted((x["type"], x["class"], x["data"][:40], x["len"]) for x in d[:-1]) == [(0, "critical", "00ff", 2), (0, "normal", "0" * 40, 10000), (4095, "normal", "", 0), (4095, "normal", b"last without end".hex(), 16), (4095, "normal", b"one".hex(), 3)]' "$scratch/lines.out"
}
check "post posts lines, hex and files" post_lines

post_many()
{
	start many watch cli-test -j --count 2000 --ring-size 1M
	until_true subscribed cli-test "$pid" || return 1
	seq 2000 | timeout 60 tandemctl post cli-test --lines && ended 0 "$pid" &&
		json 'sorted(int(bytes.fromhex(x["data"])) for x in d[:-1]) == list(range(1, 2001))' "$scratch/many.out"
}
check "post loses no line" post_many

check "post: type too large" refused 2 "'4096'" post cli-test --type 4096 x
check "post: unknown class" refused 2 "'4'" post cli-test --class 4 x
check "post: two inputs" refused 2 "'x'" post cli-test --in 00 x
check "post: bad hex" refused 2 "'0g'" post cli-test --in 0g
check "post: half a byte" refused 2 "'abc'" post cli-test --in abc
check "post: no such file" refused 2 "'$scratch/none'" post cli-test --in "@$scratch/none"
check "post: bad name" refused 2 "'..'" post .. x
check "post: reserved name" refused 2 "'sync'" post sync x
check "post: a device of a kernel half" refused 1 "kernel half" post gen x
check "post: no such device" refused 3 "'cli-none'" post --no-create cli-none x
head -c 65537 /dev/zero > "$scratch/large"
check "post: too large" refused 1 "65537" post cli-test --in "@$scratch/large"

server_seen()
{
	mkfifo "$scratch/stdin"
	exec 8<> "$scratch/stdin"
	tandemctl post cli-test --lines < "$scratch/stdin" > /dev/null 2>&1 8>&- &
	pid=$!
	jobs_started+=("$pid")
	until_true has_server && json "d[0]['server']['pid'] == $pid and d[0]['server']['comm'] == 'tandemctl'" &&
		refused 1 "has a server" post cli-test x && refused 1 "has a server" remove cli-test &&
		status 0 show cli-test && grep -q "^Server: *tandemctl, pid $pid, uid 0, generation [0-9]*$" "$out"
	local result=$?
	kill "$pid"
	wait "$pid" 2> /dev/null
	exec 8>&-
	return $result
}
has_server()
{
	status 0 show cli-test -j && json 'd[0]["server"] is not None' > /dev/null
}
check "one server at a time, and show tells which" server_seen

removed_under_watch()
{
	start removed watch cli-test -j
	until_true subscribed cli-test "$pid" && status 0 post cli-test last && status 0 remove cli-test && ended 3 "$pid" &&
		json 'bytes.fromhex(d[0]["data"]) == b"last" and d[1]["summary"]["events"] == 1' "$scratch/removed.out" &&
		grep -q "'cli-test' is gone" "$scratch/removed.err"
}
check "remove ends the readers, after the last event" removed_under_watch
check "remove: no such device" refused 3 "'cli-test'" remove cli-test
check "remove: a device of a kernel half" refused 1 "kernel half" remove gen

# ---- read, write ----

check "write" status 0 write gen --offset 4096 --in 'de ad be ef'
read_back()
{
	status 0 read gen --offset 0x1000 --count 4 && [ "$(od -An -tx1 < "$out")" = " de ad be ef" ]
}
check "read gives what was written" read_back

read_json()
{
	status 0 write gen hello -j && json 'd == [{"node": "gen", "offset": 0, "len": 5}]' &&
		status 0 read /dev/tandem/gen -n 5 -j &&
		json 'd == [{"node": "/dev/tandem/gen", "offset": 0, "len": 5, "data": b"hello".hex()}]'
}
check "read and write give JSON" read_json

read_whole()
{
	status 0 read gen && [ "$(stat -c %s "$out")" -eq 65536 ]
}
check "read ends at the end" read_whole
check "write past the end says how far it came" refused 1 "2 of 4 bytes" write gen --offset 65534 --in 01020304
check "read: no such file" refused 3 "'/dev/nowhere'" read /dev/nowhere
check "write: nothing to write" refused 2 "nothing to write" write gen
check "read: bad offset" refused 2 "'-1'" read gen --offset=-1
check "read: a stream has no positions" refused 1 "--offset" read process --offset 4

# ---- ioctl ----

echo_control()
{
	status 0 ioctl gen --device-control 1 --in 'de ad be ef' --out 16 &&
		grep -qx 'device-control 1 = 0, 4 bytes: deadbeef' "$out"
}
check "device control gives the bytes out" echo_control

control_errors()
{
	status 1 ioctl -k -j gen -d 1 --in 01020304 --out 2 -- -d 2 --in 0102ff --out 8 -- -d 2 --in 01 --out 4 -- -d 99 &&
		json 'len(d) == 4 and [x["call"] for x in d] == [1, 2, 3, 4] and all(x["device_control"] for x in d)' &&
		json '(d[0]["result"], d[0]["errno"], d[0]["data"]) == (-1, "EOVERFLOW", "0102")' &&
		json '(d[1]["result"], d[1]["data"], "errno" in d[1]) == (0, "0201000000000000", False)' &&
		json '(d[2]["errno"], d[2]["len"]) == ("EINVAL", 0) and d[3]["errno"] == "ENOTTY"'
}
check "errors of device control, with the bytes that came out all the same" control_errors

run_status()
{
	status 0 ioctl gen "$gen_start" --in "$(generate 1 16 0 5)" -- "$gen_wait" -- "$gen_status" &&
		grep -qE '^_IOWR\(0xd8,1,56\) = 0, 56 bytes: [0-9a-f]{112}$' "$out" && grep -qx '_IO(0xd8,3) = 0' "$out" &&
		grep -qE '^_IOR\(0xd8,4,48\) = 0, 48 bytes: 00000000[0-9a-f]{88}$' "$out"
}
check "codes with a direction show their bytes" run_status

stops()
{
	status 1 ioctl gen '_IO(0xd8,200)' -- "$gen_stop" && [ "$(wc -l < "$out")" -eq 1 ] &&
		grep -qx '_IO(0xd8,200) = -1 ENOTTY (Inappropriate ioctl for device)' "$out"
}
check "ioctl stops at the first failure" stops

keeps_going()
{
	status 1 ioctl --keep-going gen '_IO(0xd8,200)' -- "$gen_stop" && [ "$(wc -l < "$out")" -eq 2 ] &&
		tail -1 "$out" | grep -qx '_IO(0xd8,2) = 0'
}
check "ioctl keeps going" keeps_going

one_file()
{
	local name
	name=$(printf cli-bind | od -An -tx1 -v)
	# BIND with CREATE makes this very file the server's: POST is refused before it and works after it.
	status 1 ioctl -k -j /dev/tandem/control '_IOW(0xd7,3,32)' -- \
		'_IOWR(0xd7,1,88)' --in "$name$(printf '%0112d' 0)01000000 80010000" -- '_IOW(0xd7,3,32)' &&
		json '[x.get("errno") for x in d] == ["ENOTCONN", None, None] and d[1]["data"][-8:] == "01000000"' &&
		status 0 remove cli-bind
}
check "the calls share one open file" one_file

guarded()
{
	status 1 ioctl -k -j gen "$gen_status" --size 47 -- "$gen_status" --size 48 -- "$gen_status" 0 -- "$gen_start" --size 55 &&
		json '[x.get("errno") for x in d] == ["EFAULT", None, "EFAULT", "EFAULT"]'
}
check "a kernel that uses more than the buffer gets EFAULT" guarded

integers()
{
	status 1 ioctl -k -j gen "$gen_start" --arg -5 -- 21523 0 -- 0x5413 0xffffffffffffffff &&
		json '[x["errno"] for x in d] == ["EFAULT", "ENOTTY", "ENOTTY"] and d[1]["code"] == d[2]["code"]'
}
check "the argument may be an integer" integers

modes()
{
	# A subscription needs a node that is open for reading.
	local subscribe
	subscribe="0000000000000000 0000010000000000 $(printf '%0208d' 0)"
	status 0 ioctl -R gen '_IOWR(0xd7,0x11,120)' --in "$subscribe" &&
		status 1 ioctl -W -j gen '_IOWR(0xd7,0x11,120)' --in "$subscribe" && json 'd[0]["errno"] == "EBADF"'
}
check "the node is opened as asked" modes
stdin_in()
{
	printf '\1\2\3' | timeout 20 tandemctl ioctl gen -d 1 --in - --out 8 > "$out" 2> "$err" &&
		grep -qx 'device-control 1 = 0, 3 bytes: 010203' "$out"
}
check "input from standard input" stdin_in
check "ioctl: bad code" refused 2 "'_IOX(1,2)'" ioctl gen '_IOX(1,2)'
check "ioctl: bad size" refused 2 "size" ioctl gen "_IOR('x',1,16384)"
check "ioctl: a bad call later keeps the first from being made" refused 2 "'soon'" ioctl gen "$gen_stop" -- soon
check "ioctl: no call" refused 2 "CODE" ioctl gen
check "ioctl: integer and buffer" refused 2 "not both" ioctl gen 1 2 --in 00
check "ioctl: unknown option" refused 2 "'--outt'" ioctl gen 1 --outt 3
check "ioctl: no such device" refused 3 "'nowhere'" ioctl nowhere 1

finish_tests
