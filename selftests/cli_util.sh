# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# What the tests of tandemctl share; each begins with it and ends with finish_tests.
set -u
tree=${TANDEM_TREE:-$(cd "$(dirname "$0")/.." && pwd)}

scratch=$(mktemp -d /tmp/tandem-cli.XXXXXX)
out=$scratch/out
err=$scratch/err
number=0
failed=0
jobs_started=()
changes='' listener=''
patience=20

finish()
{
	local pid
	for pid in "${jobs_started[@]}" $listener; do
		kill -KILL "$pid" 2> /dev/null
	done
	rm -rf "$scratch"
}
trap finish EXIT
coproc checker { exec python3 "$tree/selftests/cli_json.py"; }

# verdict STATUS NAME: the test point, with what the last command said if it failed.
verdict()
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $number $2"
	head -c 2000 "$out" "$err" 2> /dev/null | sed 's/^/# /'
}

# check NAME COMMAND…: the command succeeds.
check()
{
	local name=$1
	shift
	"$@"
	verdict $? "$name"
}

# status WANTED ARGUMENT…: tandemctl with these arguments ends by itself with this status.
status()
{
	local wanted=$1 got
	shift
	timeout 30 tandemctl "$@" > "$out" 2> "$err" < /dev/null
	got=$?
	[ $got -eq "$wanted" ] || ! echo "# status $got, not $wanted"
}

# refused STATUS WORD ARGUMENT…: as status, nothing on standard output, and one sentence that has the word.
refused()
{
	local wanted=$1 word=$2
	shift 2
	status "$wanted" "$@" && [ ! -s "$out" ] && [ "$(wc -l < "$err")" -eq 1 ] &&
		grep -qF -- "$word" "$err" && grep -qE '[.]$' "$err"
}

# json EXPRESSION [FILE]: true of the lines of JSON, a list called d.
json()
{
	local answer
	printf '%s\t%s\n' "${2:-$out}" "$1" >&"${checker[1]}"
	read -ru "${checker[0]}" answer
	[ "$answer" = true ] || ! echo "# $answer"
}

# The manual page has every field that was in a file given to json.
documented()
{
	local answer
	printf 'documented\t%s\n' "$tree/docs/man/tandemctl.8" >&"${checker[1]}"
	read -ru "${checker[0]}" answer
	[ "$answer" = true ] || ! echo "# $answer"
}

finish_tests()
{
	check "the manual page documents every field" documented
	echo "1..$number"
	[ "$failed" -eq 0 ]
}

# probe COMMAND…: a device comes and goes until the command, which waits a second for that, has been told.
probe()
{
	local end=$((SECONDS + patience))
	while status 0 post cli-probe x && status 0 remove cli-probe && [ $SECONDS -lt $end ]; do
		! "$@" || return 0
	done
	return 1
}

# What the kernel tells of its devices comes by a descriptor from here on.
listen()
{
	[ -z "$changes" ] || return 0
	exec {changes}< <(exec tandemctl monitor 2> /dev/null)
	listener=$!
	probe read -r -t 1 -u "$changes"
}

# until_true COMMAND…: now, or after some change of devices, of who serves or of who consumes them.
until_true()
{
	local end=$((SECONDS + patience))
	listen || return
	pass_over
	until "$@"; do
		[ $SECONDS -lt $end ] && read -r -t $((end - SECONDS)) -u "$changes" || return
		pass_over
	done
}

# What has been told already, the next look sees.
pass_over()
{
	while read -r -t 0 -u "$changes" && read -r -u "$changes"; do
		:
	done
}

# until_seen COMMAND…: wait for what nobody tells of, so it is looked for again and again.
until_seen()
{
	local end=$((SECONDS + patience))
	until "$@"; do
		[ $SECONDS -lt $end ] || return
		sleep 0.05
	done
}

# told PATTERN FILE [SECONDS]: a line that matches is in the file, or comes.
told()
{
	timeout "${3:-$patience}" tail -n +1 -f "$2" | grep -qE -- "$1"
}

# lines COUNT FILE: so many are in the file, or come.
lines()
{
	[ "$(timeout $patience tail -n +1 -f "$2" | head -n "$1" | wc -l)" -eq "$1" ]
}

# hears NAME: the monitor that was started so tells of changes.
hears()
{
	probe told . "$scratch/$1.out" 1
}

subscribed()
{
	tandemctl show "$1" | grep -q " $2 .* active "
}

# start NAME ARGUMENT…: tandemctl in the background, its output in files of that name; sets pid.
start()
{
	local name=$1
	shift
	tandemctl "$@" > "$scratch/$name.out" 2> "$scratch/$name.err" < /dev/null &
	pid=$!
	jobs_started+=("$pid")
}

# ended WANTED PID: it ends by itself, with this status.
ended()
{
	local got first='' timer
	# What the shell has seen dying, it does not wait for among others.
	if kill -0 "$2" 2> /dev/null; then
		sleep $patience &
		timer=$!
		wait -n -p first "$2" $timer
		got=$?
		# By a signal that could be caught it would still be this shell, if it is young, and run its trap.
		kill -KILL $timer 2> /dev/null
		wait $timer 2> /dev/null
		[ "$first" = "$2" ] || ! echo "# still there after $patience seconds" || return
	else
		wait "$2"
		got=$?
	fi
	[ $got -eq "$1" ] || ! echo "# status $got, not $1"
}

gone()
{
	local state
	state=$(sed 's/.*) //' "/proc/$1/stat" 2> /dev/null) || return 0
	[ "${state%% *}" = Z ]
}

# Argument of TANDEM_GEN_IOC_START: type, size, rate, count for each processor; process context, class 1.
generate()
{
	printf '01000000%s01000000%s%s01000000' "$(le32 "$1")" "$(le32 "$2")" "$(le32 "$3")"
	printf '0000000000000000%s%s%s%s%s%s' 00000000 00000000 "$(le32 "$4")" 00000000 00000000 00000000
}

le32()
{
	printf '%02x%02x%02x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}

gen_start='_IOWR(0xd8,1,56)'
gen_stop='_IO(0xd8,2)'
gen_wait='_IO(0xd8,3)'
gen_status='_IOR(0xd8,4,48)'
cpus=$(getconf _NPROCESSORS_ONLN)

echo "TAP version 13"
