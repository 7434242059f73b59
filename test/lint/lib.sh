# shellcheck shell=bash
# What the lints share: they run at the root of the tree and print TAP.
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

checks=0
failures=0

# check NAME [COMPLAINTS]: passes when there are no complaints.
check()
{
	checks=$((checks + 1))
	if [ -z "${2:-}" ]; then
		echo "ok $checks - ${0##*/} $1"
	else
		failures=$((failures + 1))
		echo "not ok $checks - ${0##*/} $1"
		echo "#   ${2//$'\n'/$'\n#   '}"
	fi
}

# skip NAME REASON
skip()
{
	checks=$((checks + 1))
	echo "ok $checks - ${0##*/} $1 # SKIP $2"
}

finish()
{
	echo "1..$checks"
	[ "$failures" = 0 ]
}

# Every C file of ours.
c_files()
{
	find src test bench -name '*.[ch]' 2> /dev/null | sort
}
