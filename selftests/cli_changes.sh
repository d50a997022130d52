#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tandemctl stat and monitor.
# TIMEOUT=180
. "$(dirname "$0")/cli_util.sh"

# ---- stat ----

stat_once()
{
	status 0 stat && head -1 "$out" | grep -q '^DEVICE .*ACCEPTED .*LOST ' && grep -q '^process ' "$out" &&
		status 0 stat gen -j && json '[x["device"] for x in d[0]] == ["gen"] and "posted_rate" not in d[0][0]'
}
check "stat once" stat_once

stat_live()
{
	start load watch gen -j --type 1
	local load=$pid
	until_true subscribed gen "$load" || return 1
	# The generator runs as long as this command has it open.
	start run ioctl gen "$gen_start" --in "$(generate 1 16 200 0)" -- "$gen_wait"
	told '"type":1' "$scratch/load.out" &&
		status 0 stat gen -i 0.5 -n 3 -j &&
		json 'len(d) == 3 and all(x["device"] == "gen" and 0.4 < x["interval"] < 5 for x in d)' &&
		json 'all(x["posted_rate"] > 0 and x["accepted_rate"] > 0 and x["lost_rate"] == 0 for x in d)' &&
		json 'd[0]["posted"] < d[1]["posted"] < d[2]["posted"] and d[2]["subscriptions"] == 1' &&
		json 'all(abs((y["posted"] - x["posted"]) / y["interval"] - y["posted_rate"]) < 0.01 * y["posted_rate"] + 1 for x, y in zip(d, d[1:]))'
	local result=$?
	kill "$pid"
	kill -INT "$load"
	ended 0 "$load" && return "$result"
}
check "stat shows rates" stat_live

stat_interrupted()
{
	start stat stat -i 0.1
	told '^process ' "$scratch/stat.out" && kill -INT "$pid" && ended 0 "$pid" && [ ! -s "$scratch/stat.err" ]
}
check "SIGINT ends stat" stat_interrupted
check "stat: no such device" refused 3 "'nowhere'" stat nowhere
check "stat: bad interval" refused 2 "'0'" stat -i 0
stat_leaves()
{
	timeout 20 tandemctl stat -i 60 2> "$err" | :
	[ "${PIPESTATUS[0]}" -eq 0 ]
}
check "stat ends when its reader leaves" stat_leaves

# ---- monitor ----

monitor_changes()
{
	start monitor monitor -j
	local monitor=$pid
	hears monitor || return 1
	status 0 post cli-monitor x && start sub watch cli-monitor --count 1 &&
		until_true subscribed cli-monitor "$pid" && status 0 post cli-monitor y && ended 0 "$pid" &&
		status 0 remove cli-monitor && told 'device_removed.*"cli-monitor"' "$scratch/monitor.out" || return 1
	kill -INT "$monitor" && ended 0 "$monitor" &&
		json '[x["change"] for x in d if x["device"] == "cli-monitor" and "subscription_id" not in x] == ["device_added", "server_bound", "server_gone", "server_bound", "server_gone", "device_removed"]' "$scratch/monitor.out" &&
		json '[x["change"] for x in d if x["device"] == "cli-monitor" and "subscription_id" in x] == ["subscription_added", "subscription_removed"]' "$scratch/monitor.out" &&
		json 'all(x["time"] > 0 for x in d)' "$scratch/monitor.out" &&
		json "[x['pid'] for x in d if x['device'] == 'cli-monitor' and x['change'] == 'subscription_added'] == [$pid]" "$scratch/monitor.out"
}
check "monitor tells every change in order" monitor_changes

monitor_overflow()
{
	start overflow monitor --timeout 60 --count 100000
	local monitor=$pid
	hears overflow || return 1
	start stopped watch gen -j --ring-size 64K
	until_true subscribed gen "$pid" && kill -STOP "$pid" &&
		status 0 ioctl gen "$gen_start" --in "$(generate 7 1024 0 1000)" -- "$gen_wait" &&
		told '^[0-9.]+ overflow .*device=gen .*lost=[1-9]' "$scratch/overflow.out"
	local result=$?
	kill -KILL "$pid"
	kill -INT "$monitor"
	ended 0 "$monitor" && return $result
}
check "monitor tells of overflow" monitor_overflow
check "monitor ends by time" status 5 monitor --count 1 --timeout 0.3
check "monitor without a count ends well by time" status 0 monitor --timeout 0.3
monitor_leaves()
{
	timeout 20 tandemctl monitor 2> "$err" | :
	[ "${PIPESTATUS[0]}" -eq 0 ]
}
check "monitor ends when its reader leaves" monitor_leaves

finish_tests
