# shellcheck shell=bash
# What quickstart, test/run and bench/embed/run share: Debian packages, the user
# that a server runs as, private servers. Source it with TOP set to the root of the
# tree.

# release_default COLUMN: of the line of script/releases for this machine's Debian;
# another system is taken for Debian 12.
release_default()
{
	local codename

	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2> /dev/null || true)
	awk -v codename="$codename" -v column="$1" '
		/^#/ { next }
		value == "" || $2 == codename { value = $column }
		END { print value }' "$TOP/script/releases"
}

PG_MAJOR=${PG_MAJOR:-$(release_default 3)}
CLANG_MAJOR=${CLANG_MAJOR:-$(release_default 4)}
PG_BINDIR=${PG_BINDIR:-/usr/lib/postgresql/$PG_MAJOR/bin}
export PG_CONFIG=$PG_BINDIR/pg_config

# die MESSAGE…: to stderr, and out.
die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# ---- packages -------------------------------------------------------------

# packages KIND…: the names that script/packages lists for these kinds.
packages()
{
	local kinds=" $* " kind name

	while read -r kind name; do
		name=${name//@PG@/$PG_MAJOR}
		[[ $kinds == *" $kind "* ]] && printf '%s\n' "${name//@CLANG@/$CLANG_MAJOR}"
	done < "$TOP/script/packages"
	return 0
}

# missing_packages KIND…: those of them that are not installed.
missing_packages()
{
	local installed name

	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' |
		sed -n 's/^installed //p')
	for name in $(packages "$@"); do
		grep -qxF -- "$name" <<< "$installed" || printf '%s\n' "$name"
	done
}

# as_root COMMAND…: fails where it would have to ask for a password in vain.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

can_become_root()
{
	[ "$(id -u)" = 0 ] && return 0
	command -v sudo > /dev/null || return 1
	[ -t 0 ] || sudo -n true 2> /dev/null
}

# install_packages LOG KIND…: installs what is missing; apt's output goes to LOG.
install_packages()
{
	local log=$1 missing=() status=0
	local quiet=/etc/postgresql-common/createcluster.d/angle-no-cluster.conf
	shift

	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get > /dev/null || die "this is not Debian; it needs:" \
		"${missing[*]}"
	can_become_root || die "these packages are missing, and installing them" \
		"needs root or sudo: apt-get install ${missing[*]}"
	# Debian would start a server of its own beside a new PostgreSQL.
	as_root mkdir -p "${quiet%/*}"
	as_root sh -c "echo 'create_main_cluster = false' > $quiet"
	{
		as_root apt-get update &&
			as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
				--no-install-recommends "${missing[@]}"
	} > "$log" 2>&1 < /dev/null || status=$?
	as_root rm -f "$quiet"
	[ $status = 0 ] || { tail -n 15 "$log" >&2; die "apt-get failed, see $log"; }
}

# ---- servers --------------------------------------------------------------

# PostgreSQL refuses to run as root; root's servers run as Debian's postgres.
server_user()
{
	if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi
}

# as_server_user COMMAND…: in the root folder, since postgres may not be allowed
# to enter the one where root stands.
as_server_user()
{
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		(cd / && "$@")
	fi
}

# stage_postgresql DIR: makes DIR, a copy of PostgreSQL without the extension, and
# uses that from now on, so that the machine's stays as it is and nobody needs to be
# root to install into it.
stage_postgresql()
{
	local dir=$1 home share

	home=$(dirname "$PG_BINDIR")
	share=$("$PG_CONFIG" --sharedir)
	# PostgreSQL finds its files from where its program lies; the programs are
	# copied, the rest linked.
	mkdir -p "$dir$home" "$dir$share"
	cp -r "$home/bin" "$dir$home/"
	cp -rs "$home/lib" "$dir$home/"
	cp -rs "$share/." "$dir$share/"
	ln -s /usr/include "$dir/usr/include"
	find "$dir" -name 'angle*' -exec rm -rf {} +
	PG_BINDIR=$dir$home/bin
	export PG_CONFIG=$PG_BINDIR/pg_config
}

# server_start DIR [SETTING=VALUE…]: a server whose data is DIR/data and whose
# only address is a unix socket in DIR; makes the data when there is none. DIR
# belongs to server_user, and its path is short enough for a socket (< 90 bytes).
server_start()
{
	local dir=$1 setting options=
	shift

	if [ ! -d "$dir/data" ]; then
		as_server_user "$PG_BINDIR/initdb" -D "$dir/data" -U postgres \
			--encoding=UTF8 --locale=C.UTF-8 --auth=trust \
			> "$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; return 1; }
	fi
	for setting in "$@"; do
		options+=" -c $setting"
	done
	as_server_user "$PG_BINDIR/pg_ctl" start -w -s -D "$dir/data" \
		-l "$dir/server.log" \
		-o "-k $dir -c listen_addresses='' -c unix_socket_permissions=0700$options" \
		> /dev/null || { tail -n 20 "$dir/server.log" >&2; return 1; }
}

# server_stop DIR: whether or not one runs there.
server_stop()
{
	[ -f "$1/data/postmaster.pid" ] || return 0
	as_server_user "$PG_BINDIR/pg_ctl" stop -w -s -m fast -D "$1/data"
}
