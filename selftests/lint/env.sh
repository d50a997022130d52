# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by the scripts beside it: where things lie, and which files there are.
. "$(dirname "${BASH_SOURCE[0]}")/../qemu/env.sh"
cd "$top" || exit

# Files that git knows or would add, by the patterns given; without one all.
files()
{
	git ls-files -co --exclude-standard -- "$@" |
		while read -r file; do
			# One that was removed may still be known.
			[ ! -f "$file" ] || echo "$file"
		done
}

# C that is compiled into modules.
kernel_files()
{
	files 'kernel/*.[ch]' 'selftests/kunit/*.[ch]' 'selftests/modules/*.[ch]' 'docs/guide/meter.[ch]' \
		'examples/hello/*.c'
}
