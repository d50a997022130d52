#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tandemctl serve: requests answered by a command, and by lines.
# TIMEOUT=180
. "$(dirname "$0")/cli_util.sh"

served=''

# serve NAME ARGUMENT…: tandemctl serve in the background, and its device is there and served.
serve()
{
	start "$1" serve -j "${@:2}"
	served=$1
	until_true has_server
}

has_server()
{
	status 0 show cli-served -j && json "(d[0]['server'] or {}).get('pid') == $pid" > /dev/null
}

# stopped: it ends by a signal, in order, and says nothing on standard error.
stopped()
{
	kill -TERM "$pid" && ended 0 "$pid" && [ ! -s "$scratch/$served.err" ]
}

# ---- A command for each request ----

cat > "$scratch/answer" << 'END'
#!/bin/bash
case $TANDEM_OP in
read)
	env > "$SCRATCH/read.env"
	[ "$TANDEM_OFFSET" -gt 0 ] || printf 'hello\n'
	;;
write) cat > "$SCRATCH/written" ;;
ioctl)
	case $TANDEM_CODE in
	0x80046501) printf '\x2a\x00\x00\x00' ;;
	0xc0046502) tr a-z A-Z ;;
	0x6503) echo ENOSPC; exit 1 ;;
	0x6504) echo 28; exit 9 ;;
	0x6505) exit 1 ;;
	0x6506) kill -KILL $$ ;;
	0x80046507) echo more than four ;;
	0x6508) : > "$SCRATCH/asleep"; exec sleep 1000 ;;
	esac
	;;
control) tr abc xyz ;;
lseek) echo 4096 ;;
esac
END
chmod +x "$scratch/answer"
export SCRATCH=$scratch

check "serve makes a device" serve each --seekable --mode 600 --operations read,write,ioctl,control,lseek \
	cli-served -- "$scratch/answer"
made()
{
	[ "$(stat -c %a /dev/tandem/cli-served)" = 600 ]
}
check "the device has its mode" made

reads()
{
	status 0 read cli-served && [ "$(cat "$out")" = hello ]
}
check "read: what the command writes, up to the end" reads

environment()
{
	local file=$scratch/read.env
	grep -qx 'TANDEM_OP=read' "$file" && grep -qx 'TANDEM_DEVICE=cli-served' "$file" && grep -qx 'TANDEM_OFFSET=6' "$file" &&
		grep -qx 'TANDEM_UID=0' "$file" && grep -qx 'TANDEM_GID=0' "$file" && grep -qE '^TANDEM_PID=[1-9]' "$file" &&
		grep -qE '^TANDEM_FILE=[1-9]' "$file" && grep -qE '^TANDEM_LEN=[1-9]' "$file" && grep -qx 'TANDEM_CODE=0x0' "$file"
}
check "the environment says what is asked" environment

writes()
{
	head -c 50000 /dev/urandom > "$scratch/random" && status 0 write cli-served --in "@$scratch/random" &&
		cmp "$scratch/random" "$scratch/written"
}
check "write: the command reads what was written" writes

ioctls()
{
	status 0 ioctl cli-served -j '_IOR(0x65,1,4)' -- '_IOWR(0x65,2,4)' --in 61626364 &&
		json '[(x["result"], x["data"]) for x in d] == [(0, "2a000000"), (0, "41424344")]'
}
check "ioctl: input and output" ioctls

controls()
{
	status 0 ioctl cli-served -j --device-control 7 --in 616263 --out 3 && json 'd[0]["data"] == "78797a"'
}
check "control: input and output" controls

seeks()
{
	python3 -c 'import os; print(os.lseek(os.open("/dev/tandem/cli-served", os.O_RDWR), 0, os.SEEK_END))' > "$out" &&
		[ "$(cat "$out")" = 4096 ]
}
check "lseek: the command says where" seeks

# fails CODE ERRNO
fails()
{
	status 1 ioctl cli-served -j "$1" && json "d[0]['errno'] == '$2'"
}
check "a command that fails names the errno" fails 0x6503 ENOSPC
check "or its number" fails 0x6504 ENOSPC
check "or nothing: EIO" fails 0x6505 EIO
check "a command that is killed: EIO" fails 0x6506 EIO
too_much()
{
	fails '_IOR(0x65,7,4)' EIO && grep -q '15 bytes' "$scratch/each.err" && : > "$scratch/each.err"
}
check "too much output: EIO, and a sentence" too_much
check "one server at a time" refused 1 "has a server" serve cli-served -- true

while_it_runs()
{
	local client
	tandemctl ioctl cli-served -j 0x6508 > "$scratch/late.out" 2>&1 &
	client=$!
	jobs_started+=("$client")
	until_seen [ -e "$scratch/asleep" ] && stopped && json 'd[0]["device"] == "cli-served" and d[0]["requests"] > 10' "$scratch/each.out" &&
		ended 1 "$client" && json 'd[0]["errno"] == "EIO"' "$scratch/late.out"
}
check "a signal ends it while the command runs" while_it_runs

# ---- One command that speaks lines ----

cat > "$scratch/lines.py" << 'END'
import json, sys
kept = ""
for line in sys.stdin:
    r = json.loads(line)
    if r["op"] == "read":
        answer = {"data": kept, "pid": r["pid"]}
        kept = ""
    elif r["op"] == "write":
        kept += r["data"]
        answer = {"result": len(r["data"]) // 2}
    elif r["code"] == 0x6501:
        answer = {"result": 7}
    elif r["code"] == 0x6502:
        answer = {"error": "ENOSPC"}
    elif r["code"] == 0x6503:
        answer = []
    elif r["code"] == 0x6504:
        answer = {"error": "ENONSENSE"}
    else:
        sys.exit(3)
    print(json.dumps(answer), flush=True)
END

check "serve --line begins" serve line --line cli-served -- python3 "$scratch/lines.py"
lines_kept()
{
	status 0 write cli-served 'kept by lines' && status 0 read cli-served && [ "$(cat "$out")" = 'kept by lines' ]
}
check "lines: what was written is read" lines_kept
lines_result()
{
	status 0 ioctl cli-served -j 0x6501 && json 'd[0]["result"] == 7'
}
check "lines: a result" lines_result
check "lines: an error" fails 0x6502 ENOSPC
lines_wrong()
{
	fails 0x6503 EIO && fails 0x6504 EIO && [ "$(grep -c 'no answer' "$scratch/line.err")" -eq 2 ]
}
check "lines: what is no answer is EIO, and a sentence" lines_wrong
lines_ended()
{
	fails 0x6505 EIO && ended 1 "$pid" && grep -q 'has ended' "$scratch/line.err"
}
check "lines: the command ends" lines_ended
check "serve --line begins again" serve again --line cli-served -- python3 "$scratch/lines.py"
check "lines: a signal ends it" stopped

# ---- What cannot be ----

check "no command" refused 2 "COMMAND" serve cli-served
check "unknown operation" refused 2 "'reed'" serve cli-served --operations read,reed -- true
check "wrong mode" refused 2 "'888'" serve cli-served --mode 888 -- true
check "wrong deadline" refused 2 "'soon'" serve cli-served --deadline soon -- true
check "bad name" refused 2 "'..'" serve .. -- true
check "no such device" refused 3 "'cli-none'" serve --no-create cli-none -- true
check "a device of a kernel half" refused 1 "kernel half" serve gen -- true
check "no such program, by lines" refused 1 "'$scratch/none'" serve --line cli-served -- "$scratch/none"
no_program()
{
	serve none cli-served -- "$scratch/none" || return
	fails 0x6501 EIO && ended 1 "$pid" && grep -q "'$scratch/none' cannot be run" "$scratch/none.err"
}
check "no such program" no_program
check "the device is removed" status 0 remove cli-served

finish_tests
