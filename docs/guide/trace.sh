#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Records what the framework does while a command runs: trace.sh COMMAND [ARGUMENT…]
set -eu

# [trace]
tracing=/sys/kernel/tracing
mountpoint -q "$tracing" || mount -t tracefs tracefs "$tracing"
echo > "$tracing/trace"
echo 1 > "$tracing/events/tandem/enable"
"$@"
echo 0 > "$tracing/events/tandem/enable"
grep tandem_ "$tracing/trace"
# [end]
