#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tandemctl subscription, and the subscriptions of watch that are not of the usual kind.
# TIMEOUT=180
. "$(dirname "$0")/cli_util.sh"

# run_gen COUNT: so many events of type 7 and 32 bytes on each CPU.
run_gen()
{
	status 0 ioctl gen "$gen_start" --in "$(generate 7 32 0 "$1")" -- "$gen_wait"
}

# ---- Durable ----

created()
{
	status 0 subscription create gen cli-log --ring-size 128K --type 7,9 --class normal --watermark 64 -j &&
		json 'd == [{"device": "gen", "name": "cli-log", "created": True}]' &&
		status 0 subscription create gen cli-log -j && json 'd[0]["created"] is False' &&
		status 0 subscription show gen cli-log -j &&
		json 'd[0]["name"] == "cli-log" and d[0]["attached"] is False and d[0]["flags"] == ["durable"]' &&
		json 'd[0]["ring_size"] == 131072 and d[0]["types"] == [7, 9] and d[0]["classes"] == ["normal"]' &&
		json 'd[0]["watermark"] == 64 and d[0]["overflow"] == "drop" and d[0]["overwritten"] == 0'
}
check "a durable subscription is made once" created

listed()
{
	status 0 subscription list && grep -qE '^gen +[0-9]+ +cli-log ' "$out" &&
		status 0 subscription list gen -j && json '[x["name"] for x in d[0]] == ["cli-log"]' &&
		status 0 subscription list process -j && json 'd == [[]]' &&
		status 0 subscription show gen cli-log && grep -qE '^name +cli-log$' "$out"
}
check "it is listed and shown" listed

resumed()
{
	run_gen 5 && status 0 watch gen --durable cli-log --count 3 -j && cp "$out" "$scratch/first" &&
		run_gen 2 && status 0 watch gen --durable cli-log --count $((7 * cpus - 3)) -j && cp "$out" "$scratch/second" &&
		json 'len(d) == 4' "$scratch/first" && json "len(d) == 7 * $cpus - 2" "$scratch/second" || return 1
	head -n -1 "$scratch/first" > "$scratch/all"
	head -n -1 "$scratch/second" >> "$scratch/all"
	json "len({(x['ring'], x['position']) for x in d}) == 7 * $cpus" "$scratch/all" &&
		json 'all(x["lost_before"] == 0 for x in d)' "$scratch/all"
}
check "watch goes on where it was" resumed

killed()
{
	start killed watch gen --durable cli-log -j
	until_true attached gen cli-log && run_gen 3 && lines $((3 * cpus)) "$scratch/killed.out" &&
		refused 1 "attached" watch gen --durable cli-log && kill -KILL "$pid" && wait "$pid" 2> /dev/null
	until_true detached gen cli-log && run_gen 1 && status 0 watch gen --durable cli-log --count "$cpus" -j && json "len(d) == $cpus + 1"
}
attached()
{
	tandemctl subscription show "$1" "$2" -j | grep -q '"attached":true'
}
detached()
{
	tandemctl subscription show "$1" "$2" -j | grep -q '"attached":false'
}
check "it survives a consumer that is killed" killed

check "other options than it has" refused 1 "other options" watch gen --durable cli-log --shared --count 1
check "another size than it has" refused 1 "other options" subscription create gen cli-log --ring-size 64K

of_another()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups timeout 30 tandemctl "$@" > "$out" 2> "$err" < /dev/null
	[ $? -eq 6 ] && grep -q "another user" "$err"
}
check "another user may not attach" of_another watch gen --durable cli-log --count 1
check "another user may not remove it" of_another subscription rm gen cli-log

removed()
{
	start removed watch gen --durable cli-log -j
	until_true attached gen cli-log && status 0 subscription rm gen cli-log -j &&
		json 'd == [{"device": "gen", "name": "cli-log", "removed": True}]' && ended 3 "$pid" &&
		grep -q "'cli-log' of 'gen' was removed" "$scratch/removed.err"
}
check "it can be removed, and its consumer is told" removed
check "rm: none of that name" refused 1 "'cli-log'" subscription rm gen cli-log
check "show: none of that name" refused 1 "'cli-log'" subscription show gen cli-log
check "show: no such device" refused 3 "'nowhere'" subscription show nowhere cli-log
check "create: what can be no name" refused 2 "a b" subscription create gen 'a b'
check "no verb" refused 2 "list, show" subscription
check "unknown verb" refused 2 "'remove'" subscription remove
check "a name is missing" refused 2 "NAME" subscription rm gen

changes()
{
	start changes monitor -j
	hears changes && status 0 subscription create gen cli-told && status 0 subscription create gen cli-told &&
		status 0 subscription rm gen cli-told && told 'subscription_removed.*cli-told' "$scratch/changes.out" &&
		kill -INT "$pid" && ended 0 "$pid" &&
		json '[x["change"][13:] for x in d if x.get("name") == "cli-told"] == ["added", "detached", "attached", "detached", "removed"]' "$scratch/changes.out"
}
check "monitor tells of consumers that come and leave" changes

# ---- Other kinds ----

shared()
{
	start shared watch gen --shared --count $((4 * cpus)) -j
	until_true subscribed gen "$pid" && run_gen 4 && ended 0 "$pid" &&
		json 'all("cpu" not in x for x in d)' "$scratch/shared.out" &&
		json '[x["time"] for x in d[:-1]] == sorted(x["time"] for x in d[:-1])' "$scratch/shared.out"
}
check "watch by one shared ring" shared

no_time()
{
	start timeless watch gen --no-time --count "$cpus" -j
	until_true subscribed gen "$pid" && run_gen 1 && ended 0 "$pid" && json 'all(x["time"] == 0 for x in d[:-1])' "$scratch/timeless.out"
}
check "watch without time" no_time

check "watermark of more than half a ring" refused 2 "watermark" watch gen --ring-size 64K --watermark 33K
check "bad watermark" refused 2 "'x'" watch gen --watermark x
check "unknown policy" refused 2 "'keep'" watch gen --overflow keep

recorder()
{
	status 0 subscription create gen cli-recorder --overflow overwrite --ring-size 64K && run_gen 5000 &&
		status 0 subscription snapshot gen cli-recorder -j && cp "$out" "$scratch/snapshot" &&
		json "len(d) > 1000 and {x['type'] for x in d} == {7}" "$scratch/snapshot" &&
		json "all(max(bytes.fromhex(x['data'])[0] + 256 * bytes.fromhex(x['data'])[1] for x in d if x['cpu'] == c) == 4999 for c in range($cpus))" "$scratch/snapshot" &&
		status 0 subscription snapshot gen cli-recorder -j && cmp "$out" "$scratch/snapshot" &&
		status 0 subscription show gen cli-recorder -j && json 'd[0]["overwritten"] > 0 and d[0]["lost"] == 0' &&
		status 0 subscription snapshot gen cli-recorder && [ "$(wc -l < "$out")" -gt 1000 ] &&
		status 0 watch gen --durable cli-recorder --timeout 0.5 -j && json 'd[-1]["summary"]["overwritten"] > 0' &&
		status 0 subscription rm gen cli-recorder
}
check "a flight recorder" recorder
check "snapshot: none of that name" refused 1 "'cli-recorder'" subscription snapshot gen cli-recorder

not_a_recorder()
{
	status 0 subscription create gen cli-plain && refused 1 "no flight recorder" subscription snapshot gen cli-plain &&
		status 0 subscription rm gen cli-plain
}
check "snapshot of what is no flight recorder" not_a_recorder
check "a flight recorder of one ring" refused 2 "--shared" watch gen --overflow overwrite --shared

# ---- Waiting posters ----

waits()
{
	seq 5000 > "$scratch/numbers"
	status 0 post cli-block --wait=5 x && start block watch cli-block --overflow block --ring-size 64K --count 5000 -j &&
		until_true subscribed cli-block "$pid" && kill -STOP "$pid" || return 1
	local watcher=$pid
	tandemctl post cli-block --wait --lines < "$scratch/numbers" > "$scratch/post.out" 2> "$scratch/post.err" &
	pid=$!
	jobs_started+=("$pid")
	# It can go no further than the ring is large, and then it is waiting.
	until_seen full && ! gone "$pid" && kill -CONT "$watcher" && ended 0 "$pid" && ended 0 "$watcher" &&
		json '[bytes.fromhex(x["data"]).decode() for x in d[:-1]] == [str(i) for i in range(1, 5001)]' "$scratch/block.out" &&
		json 'd[-1]["summary"]["lost"] == 0' "$scratch/block.out"
}
full()
{
	status 0 show cli-block -j && json 'd[0]["subscribers"][0]["pending_bytes"] > 57000' > /dev/null
}
check "post --wait waits for a consumer, and nothing is lost" waits

times_out()
{
	start block watch cli-block --overflow block --ring-size 64K
	until_true subscribed cli-block "$pid" && kill -STOP "$pid" || return 1
	timeout 30 tandemctl post cli-block --wait=0.3 --lines < "$scratch/numbers" > "$out" 2> "$err"
	[ $? -eq 5 ] && grep -q "had no room" "$err" && kill -CONT "$pid" && kill -INT "$pid" && ended 0 "$pid" && status 0 remove cli-block
}
check "post --wait gives up in time" times_out

not_allowed()
{
	status 0 post cli-plain x && refused 1 "block" watch cli-plain --overflow block --count 1 && status 0 remove cli-plain
}
check "a device that lets nobody block its posters" not_allowed
check "bad time to wait" refused 2 "'0'" post cli-plain --wait=0 x

finish_tests
