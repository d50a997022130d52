#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The library as others get it: headers, pkg-config, shared and static linking, C and C++, the symbols.
# shellcheck disable=SC2317 # result calls the functions below
set -u

tree=${TANDEM_TREE:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${TANDEM_BUILD:-$tree/build/user}
here=$tree/selftests/host
version=$(sed -n '1s/^tandem (\(.*\)) .*/\1/p' "$tree/debian/changelog")
stage=$(mktemp -d) || exit
trap 'rm -rf "$stage"' EXIT

number=0 failed=0
# result NAME COMMAND…
result()
{
	local name=$1
	shift
	number=$((number + 1))
	if "$@" > "$stage/log" 2>&1; then
		echo "ok $number $name"
	else
		sed 's/^/# /' "$stage/log"
		echo "not ok $number $name"
		failed=1
	fi
}

skip()
{
	number=$((number + 1))
	echo "ok $number $1 # SKIP $2"
}

# Everything below sees the staged files alone, where make install would have put them.
export PKG_CONFIG_PATH=$build PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
libdir=$(pkg-config --variable=libdir tandem)
includedir=$(pkg-config --variable=includedir tandem)
export PKG_CONFIG_SYSROOT_DIR=$stage
install -D -m 644 "$tree/lib/include/tandem.h" "$stage$includedir/tandem.h"
install -D -m 644 -t "$stage$includedir/tandem" "$tree"/lib/include/tandem/*.h
install -D -m 644 "$tree/uapi/linux/tandem.h" "$stage$includedir/linux/tandem.h"
install -D -m 644 "$build/libtandem.a" "$stage$libdir/libtandem.a"
install -m 755 "$build/libtandem.so.$version" "$stage$libdir"
ln -s "libtandem.so.$version" "$stage$libdir/libtandem.so.0"
ln -s libtandem.so.0 "$stage$libdir/libtandem.so"

# consumer LANGUAGE COMPILER [WORD…]: builds the outsider and runs it.
consumer()
{
	local language=$1 compiler=$2
	shift 2
	# shellcheck disable=SC2046 # the words of pkg-config
	"$compiler" -x "$language" -Wall -Wextra -Wshadow -Werror -O2 $(pkg-config --cflags tandem) \
		"$here/outsider.c" -x none "$@" -o "$stage/outsider" &&
		LD_LIBRARY_PATH=$stage$libdir "$stage/outsider"
}

consumers()
{
	local compiler=$1 language=$2 shared
	if ! command -v "$compiler" > /dev/null; then
		skip "$compiler.shared" "no $compiler"
		skip "$compiler.static" "no $compiler"
		return
	fi
	read -ra shared <<< "$(pkg-config --libs tandem)"
	result "$compiler.shared" consumer "$language" "$compiler" "${shared[@]}"
	result "$compiler.static" consumer "$language" "$compiler" "$stage$libdir/libtandem.a"
}

declared()
{
	sed -n '/static inline/d; s/^[a-z].*[ *]\(tandem_[a-z_]*\)(.*/\1/p' "$tree/lib/include/tandem.h" | sort
}

exported()
{
	nm -D --defined-only "$build/libtandem.so.$version" | awk '$2 == "T" { print $3 }' | sort
}

# What is declared is exported, with its version, and nothing else.
symbols()
{
	[ "$(declared | wc -l)" -gt 10 ] && diff <(declared | sed 's/$/@@LIBTANDEM_0.1/') <(exported)
}

soname()
{
	objdump -p "$build/libtandem.so.$version" | grep -q '^ *SONAME *libtandem.so.0$'
}

# An archive shares its names with the program it is linked into.
archive_names()
{
	! nm --defined-only -g "$build/libtandem.a" | awk 'NF == 3 { print $3 }' | grep -v '^tandem_'
}

modversion()
{
	[ "$(pkg-config --modversion tandem)" = "$version" ]
}

# The inline path from its entry to its return: what a record costs, at most 20 instructions.
fast_path()
{
	local count
	printf '#include <tandem.h>\n%s\n' 'const struct tandem_record *next(struct tandem_subscription *sub);
const struct tandem_record *next(struct tandem_subscription *sub) { return tandem_next(sub); }' > "$stage/next.c"
	gcc -O2 -I"$stage$includedir" -c -o "$stage/next.o" "$stage/next.c" || return
	objdump -d --no-show-raw-insn "$stage/next.o" | tee "$stage/next.dump"
	count=$(awk '/^ +[0-9a-f]+:/ { n++ } /\tret/ { print n; exit }' "$stage/next.dump")
	[ -n "$count" ] && [ "$count" -le 20 ]
}

echo "TAP version 13"
consumers gcc c
consumers g++ c++
consumers clang c
consumers clang++ c++
result symbols symbols
result soname soname
result archive_names archive_names
result modversion modversion
if [ "$(uname -m)" = x86_64 ]; then
	result fast_path fast_path
else
	skip fast_path "the count is for x86_64"
fi
echo "1..$number"
exit $failed
