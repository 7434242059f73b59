# shellcheck shell=bash
# Debian roots: a folder that holds a small Debian, in which commands are run. What
# test/matrix and script/deb share. Source it after lib.sh.

ROOTS=${ANGLE_ROOTS:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/angle-roots}

# roots_possible: ends the script where roots can be neither made nor entered.
roots_possible()
{
	[ "$(id -u)" = 0 ] || die "debootstrap and chroot need root; run it with sudo"
	command -v debootstrap > /dev/null || die "debootstrap is missing:" \
		"apt-get install debootstrap"
	unshare --mount --pid --ipc --fork true 2> /dev/null || die "this root may not" \
		"make namespaces; a container would have to be a privileged one"
	[[ $ROOTS/ != "$TOP"/* ]] || die "the roots would lie in the tree: set ANGLE_ROOTS"
}

# root_new RELEASE DIR LOG: a bare Debian in DIR, in place of what was there, but for what
# somebody has mounted in it. It is bootstrapped once and then unpacked from an archive.
root_new()
{
	local archive=$ROOTS/$1.tar

	rm -rf --one-file-system "$2" "$2.part"
	mkdir -p "$2.part"
	if [ ! -e "$archive" ]; then
		debootstrap --variant=minbase "$1" "$2.part" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} > "$3" 2>&1 || return 1
		root_configure "$2.part"
		tar -C "$2.part" -cf "$archive.part" .
		mv "$archive.part" "$archive"
	else
		tar -C "$2.part" -xf "$archive"
	fi
	mv "$2.part" "$2"
}

# Its packages start nothing, and it reaches the mirror as this machine does.
root_configure()
{
	printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
	rm -f "$1"/var/cache/apt/archives/*.deb
	apt-config dump | grep -E '^Acquire::(Check-|https?::Proxy)' \
		> "$1/etc/apt/apt.conf.d/10mirror" || true
}

# in_root DIR COMMAND…: has namespaces of its own for mounts, processes and shared
# memory: however it ends, it leaves no mount, no server and no segment behind.
in_root()
{
	local dir=$1
	shift
	# shellcheck disable=SC2016 # expanded by the shell inside
	unshare --mount --pid --ipc --fork --kill-child -- sh -ec '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
		mount --bind /dev/pts "$root/dev/pts"
		exec chroot "$root" "$@"' sh "$dir" env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# root_copy_tree DIR: the files of this tree that git knows or would add, as DIR.
root_copy_tree()
{
	mkdir -p "$1"
	comm -z -23 <(git -C "$TOP" ls-files -z --cached --others --exclude-standard | sort -zu) \
		<(git -C "$TOP" ls-files -z --deleted | sort -zu) |
		tar -C "$TOP" --no-recursion --null --files-from=- -cf - |
		tar -C "$1" --no-same-owner -xf -
}
