#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tandemctl watch: events of the generator and of processes.
# TIMEOUT=180
. "$(dirname "$0")/cli_util.sh"

# ---- watch ----

watch_counts()
{
	start watch watch gen -j --count $((4 * cpus)) --type 7,9 --class normal,critical --ring-size 64K
	until_true subscribed gen "$pid" || return 1
	status 0 show gen -j &&
		json "d[0]['subscribers'][0]['pid'] == $pid and d[0]['subscribers'][0]['comm'] == 'tandemctl'" &&
		json 'd[0]["subscribers"][0]["types"] == [7, 9] and d[0]["subscribers"][0]["ring_size"] == 65536' &&
		json 'd[0]["subscribers"][0]["classes"] == ["normal", "critical"] and d[0]["subscriptions"] == 1' || return 1
	# Type 8 is not for this subscription.
	status 0 ioctl gen "$gen_start" --in "$(generate 8 32 0 3)" -- "$gen_wait" -- \
		"$gen_start" --in "$(generate 7 32 0 4)" -- "$gen_wait" && ended 0 "$pid"
}
check "watch ends after a count" watch_counts

watched="$scratch/watch.out"
watch_fields()
{
	json "len(d) == 4 * $cpus + 1" "$watched" &&
		json 'all(x["device"] == "gen" and x["type"] == 7 and x["class"] == "normal" and x["len"] == 32 for x in d[:-1])' "$watched" &&
		json 'all(x["lost_before"] == 0 and x["time"] > 0 and len(x["data"]) == 64 for x in d[:-1])' "$watched"
}
check "watch has the documented fields" watch_fields

watch_data()
{
	# Payload: sequence u64, cpu u16, context u16, run u32, fill.
	json "sorted((x['cpu'], bytes.fromhex(x['data'])[0]) for x in d[:-1]) == [(c, s) for c in range($cpus) for s in range(4)]" "$watched" &&
		json 'all(bytes.fromhex(x["data"])[8] == x["cpu"] for x in d[:-1])' "$watched"
}
check "watch gives each event once, with its data" watch_data
check "watch ends with a summary" \
	json "d[-1] == {'summary': {'device': 'gen', 'events': 4 * $cpus, 'lost': 0, 'lost_bytes': 0, 'lost_recursion': 0, 'lost_too_big': 0}}" "$watched"

watch_text()
{
	start text watch gen --count 1
	until_true subscribed gen "$pid" && status 0 ioctl gen "$gen_start" --in "$(generate 7 16 0 1)" -- "$gen_wait" &&
		ended 0 "$pid" && grep -qE '^[0-9]+\.[0-9]{6} cpu[0-9]+ 7 normal len=16 data=[0-9a-f]{32}$' "$scratch/text.out" &&
		grep -qx '1 event, 0 lost.' "$scratch/text.err"
}
check "watch gives text, and says what was lost on standard error" watch_text

watch_interrupted()
{
	start interrupted watch gen
	until_true subscribed gen "$pid" && kill -INT "$pid" && ended 0 "$pid" &&
		grep -qx '0 events, 0 lost.' "$scratch/interrupted.err"
}
check "SIGINT ends watch with its summary" watch_interrupted

watch_arrives()
{
	# One event is on the pipe although no more come.
	start arrives watch gen -j
	until_true subscribed gen "$pid" && status 0 ioctl gen "$gen_start" --in "$(generate 7 16 0 1)" -- "$gen_wait" &&
		told '"type":7' "$scratch/arrives.out" && kill -TERM "$pid" && ended 0 "$pid"
}
check "watch does not keep lines back" watch_arrives

reader_leaves()
{
	# No event comes: that the reader has left must be seen without one.
	timeout 20 tandemctl watch gen 2> "$err" | :
	[ "${PIPESTATUS[0]}" -eq 0 ]
}
check "watch ends when its reader leaves" reader_leaves

pipe_full()
{
	python3 -c 'import select, sys; sys.exit(select.select([], [9], [], 0)[1] != [])'
}

stuck_reader()
{
	mkfifo "$scratch/fifo"
	exec 9<> "$scratch/fifo"
	tandemctl watch gen -j --ring-size 64K > "$scratch/fifo" 2> "$err" < /dev/null &
	pid=$!
	jobs_started+=("$pid")
	until_true subscribed gen "$pid" && status 0 ioctl gen "$gen_start" --in "$(generate 7 64 0 20000)" -- "$gen_wait" &&
		until_seen pipe_full && status 0 show gen -j && json 'd[0]["subscribers"][0]["lost"] > 0' &&
		kill -INT "$pid" && ended 0 "$pid"
	local result=$?
	exec 9>&-
	return $result
}
check "SIGINT ends watch while its pipe is full" stuck_reader

lost_seen()
{
	# A stopped consumer loses, and says so in the stream and at the end: nothing is missing in the sum.
	start lost watch gen -j --ring-size 64K
	until_true subscribed gen "$pid" && kill -STOP "$pid" &&
		status 0 ioctl gen "$gen_start" --in "$(generate 7 1024 0 1000)" -- "$gen_wait" -- \
			"$gen_start" --in "$(generate 7 1024 0 1)" -- "$gen_wait" &&
		status 0 show gen -j && json 'd[0]["subscribers"][0]["lost"] > 0' && kill -CONT "$pid" &&
		lines "$(accepted)" "$scratch/lost.out" && kill -INT "$pid" && ended 0 "$pid" &&
		json 'd[-1]["summary"]["lost"] > 0' "$scratch/lost.out" &&
		json "d[-1]['summary']['lost'] + d[-1]['summary']['events'] == 1001 * $cpus" "$scratch/lost.out" &&
		json "d[-1]['summary']['events'] == len(d) - 1" "$scratch/lost.out"
}
accepted()
{
	sed 's/.*"accepted":\([0-9]*\).*/\1/' "$out"
}
check "watch tells what a stopped reader lost" lost_seen

check "watch ends by time" status 0 watch gen --timeout 0.3
check "watch tells that the time was over" status 5 watch gen --timeout 0.3 --count 1
check "watch: no such device" refused 3 "'nowhere'" watch nowhere
check "watch: what can be no name" refused 2 "'a b'" watch 'a b'
check "watch: unknown name of a type" refused 2 "'fork'" watch gen --type fork
check "watch: the names of types are told" refused 2 "fork, exec, exit" watch process --type spoon
check "watch: type too large" refused 2 "'4096'" watch gen --type 1,4096
check "watch: unknown class" refused 2 "'urgent'" watch gen --class bulk,urgent
check "watch: ring size that is no power of two" refused 2 "'96K'" watch gen --ring-size 96K
check "watch: ring size too small" refused 2 "'32K'" watch gen --ring-size 32K
check "watch: count 0" refused 2 "'0'" watch gen --count 0
check "watch: no Tandem device" refused 3 "/dev/null" watch /dev/null

# ---- Events of processes ----

process_events()
{
	# A name that is not UTF-8, and one that would write on a terminal.
	cp "$(type -P true)" "$scratch/prog"$'\xff' && cp "$(type -P true)" "$scratch/esc"$'\e[31m' || return 1
	start process watch process -j
	start text watch process --type exec
	until_true subscribed process "$pid" && until_true subscribed process "${jobs_started[-2]}" || return 1
	"$scratch/prog"$'\xff'
	"$scratch/esc"$'\e[31m'
	sh -c 'exit 7' &
	exit_pid=$!
	wait $exit_pid
	sh -c 'kill -KILL $$' &
	kill_pid=$!
	wait $kill_pid 2> /dev/null
	told "\"exit\".*\"pid\":$kill_pid," "$scratch/process.out" && told esc "$scratch/text.out" &&
		kill -INT "${jobs_started[@]: -2}" && ended 0 "$pid" && ended 0 "${jobs_started[-2]}"
}
check "watch follows processes" process_events

events=$scratch/process.out
check "exit code" json \
	"[(x['exit_code'], x['signal'], x['coredump'], x['thread']) for x in d if x.get('event') == 'exit' and x['pid'] == $exit_pid] == [(7, 0, False, False)]" "$events"
check "exit signal" json \
	"[(x['exit_code'], x['signal']) for x in d if x.get('event') == 'exit' and x['pid'] == $kill_pid] == [(0, 9)]" "$events"
check "fork" json \
	"[(x['ppid'], x['tgid'], x['parent_tid'], x['uid'], x['type']) for x in d if x.get('event') == 'fork' and x['pid'] == $exit_pid] == [($$, $exit_pid, $$, 0, 1)]" "$events"
check "exec" json \
	"[(x['comm'], x['filename'][-3:], x['truncated']) for x in d if x.get('event') == 'exec' and x['pid'] == $exit_pid] == [('sh', '/sh', False)]" "$events"
check "decoded events carry no data" json \
	"all('data' not in x for x in d if x.get('pid') == $exit_pid)" "$events"
check "a file name that is not UTF-8 is there in hex too" json \
	"[bytes.fromhex(x['data'])[56:] for x in d if x.get('event') == 'exec' and x['filename'] == '$scratch/prog\ufffd'] == [b'$scratch/prog\xff\0']" "$events"

escaped()
{
	grep -qF "filename=\"$scratch/esc\\x1b[31m\"" "$scratch/text.out" && ! grep -q $'\e' "$scratch/text.out"
}
check "text does not move the terminal's cursor" escaped

finish_tests
