#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What "make install" puts down is enough to build a kernel half elsewhere, and "make uninstall" removes it.
set -u
. "$TANDEM_TREE/selftests/tap.sh"

kdir='' release=''
settings=$("$TANDEM_TREE/selftests/qemu/kernel" stock)
eval "$settings"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
root=$work/root

# for_stock GOAL: into a directory of its own, for Debian's kernel.
for_stock()
{
	make -C "$TANDEM_TREE" "$1" DESTDIR="$root" prefix=/usr KDIR="$kdir" KNAME=stock > "$work/log" 2>&1
	local status=$?
	[ $status -eq 0 ] || sed 's/^/# /' "$work/log"
	return $status
}

has_all()
{
	local file missing=0
	for file in usr/bin/tandemctl usr/sbin/tandemd usr/include/tandem.h usr/include/linux/tandem.h \
		usr/lib/libtandem.so usr/lib/pkgconfig/tandem.pc usr/lib/systemd/system/tandemd.service \
		usr/lib/sysusers.d/tandem.conf usr/lib/udev/rules.d/60-tandem.rules etc/tandem/tandemd.conf \
		usr/share/man/man8/tandemctl.8 usr/share/man/man8/tandemd.8 \
		"lib/modules/$release/extra/tandem/tandem.ko" "lib/modules/$release/extra/tandem/tandem_process.ko"; do
		[ -e "$root/$file" ] || {
			echo "# $file is not there"
			missing=1
		}
	done
	return $missing
}

# The source for DKMS is all that building and cleaning need, by the commands that its configuration names.
dkms_source_builds()
{
	local source build i PACKAGE_NAME='' PACKAGE_VERSION='' POST_BUILD='' CLEAN='' MAKE=() BUILT_MODULE_NAME=() BUILT_MODULE_LOCATION=()
	# shellcheck disable=SC2034 # used by what is sourced
	local kernel_source_dir=$kdir kernelver=$release arch=any dkms_tree=$work/dkms
	source=$(echo "$root"/usr/src/tandem-*)
	# shellcheck disable=SC1091 # installed by the step before
	. "$source/dkms.conf"
	[ "$source" = "$root/usr/src/$PACKAGE_NAME-$PACKAGE_VERSION" ] || return
	build=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build
	mkdir -p "$build/../$release/any/module"
	cp -r "$source/." "$build"
	${MAKE[0]} > "$work/log" 2>&1
	for i in "${!BUILT_MODULE_NAME[@]}"; do
		[ -e "$build/${BUILT_MODULE_LOCATION[i]}/${BUILT_MODULE_NAME[i]}.ko" ] || {
			echo "# ${BUILT_MODULE_NAME[i]} is not built"
			sed 's/^/# /' "$work/log"
			return 1
		}
	done
	# shellcheck disable=SC2086 # a program and its arguments
	(cd "$build" && ./$POST_BUILD) && [ -e "$build/../$release/any/module/Module.symvers" ] || return
	if ! $CLEAN > "$work/log" 2>&1 || find "$build" -name '*.o' | grep .; then
		sed 's/^/# /' "$work/log"
		return 1
	fi
}

half_builds()
{
	cp -r "$TANDEM_TREE/examples/hello" "$work/hello"
	if ! make -C "$work/hello" KDIR="$kdir" TANDEM="$root/usr/src/tandem" \
		SYMBOLS="$root/usr/src/tandem/$release/Module.symvers" > "$work/log" 2>&1 ||
		grep -qiE 'warning|undefined' "$work/log" || [ ! -e "$work/hello/hello.ko" ]; then
		sed 's/^/# /' "$work/log"
		return 1
	fi
}

only_changed_config_stays()
{
	local left
	left=$(cd "$root" && find . -type f -o -type l)
	[ "$left" = ./etc/tandem/tandemd.conf ] || {
		echo "# left: $left"
		return 1
	}
}

# What the manager would warn of, and how much the service may do to the machine (0 to 100).
unit_is_good()
{
	for_stock install-user || return
	systemd-analyze security --offline=yes --threshold=10 "$root/usr/lib/systemd/system/tandemd.service" \
		> "$work/log" 2> "$work/warnings" && [ ! -s "$work/warnings" ] && return
	sed 's/^/# /' "$work/warnings" "$work/log"
	return 1
}

for_stock install
report "make install" $?
has_all
report "the files are where they belong" $?
half_builds
report "a kernel half elsewhere builds with what is installed" $?
echo "# mine" >> "$root/etc/tandem/tandemd.conf"
for_stock install && grep -q '^# mine' "$root/etc/tandem/tandemd.conf"
report "installing again keeps a changed configuration" $?
for_stock uninstall
report "make uninstall" $?
only_changed_config_stays
report "nothing else stays" $?
for_stock install-dkms && dkms_source_builds
report "the source for DKMS builds by itself" $?
for_stock uninstall-dkms && only_changed_config_stays
report "make uninstall-dkms" $?
unit_is_good
report "systemd understands the unit, and finds it confined" $?
finish
