# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts beside it: where things lie, and how to say that one is missing.

# shellcheck disable=SC2034 # the scripts that source this use them
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
qemu=$top/selftests/qemu
cache=${TANDEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tandem}
jobs=${TANDEM_JOBS:-$(nproc)}
export PATH=$PATH:/usr/sbin:/sbin

# What the make above was told is not for those below: the kernel's makefiles have a T and an O of their own.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

say()
{
	echo "  ${0##*/}: $*" >&2
}
