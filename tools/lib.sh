# Common parts of tools/run, tools/test and tools/bench; sourced, not run.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What must be there to build and run, and what the tests need beyond it (names of Debian packages).
packages_build=(gcc libc6-dev meson ninja-build pkg-config libevent-dev libssl-dev libhiredis-dev libjansson-dev
	libyaml-dev libcrypt-dev libglib2.0-dev zlib1g-dev libicu-dev libstemmer-dev libwslay-dev libsqlite3-dev libcurl4-openssl-dev libcmocka-dev libesmtp-dev libjemalloc-dev
	libgmime-3.0-dev libxml2-dev scdoc redis-server python3)
packages_test=(dovecot-imapd swaks python3-aiosmtpd python3-jsonschema python3-yaml python3-hypothesis python3-websockets binutils clang clang-format lld)

# Debian 13 has llhttp as a library; on Debian 12 its sources come with node-llhttp.
llhttp_package() {
	if pkg-config --exists libllhttp 2>/dev/null || [ -e /usr/share/llhttp/llhttp.c ]; then
		return
	fi
	if apt-cache show libllhttp-dev >/dev/null 2>&1; then echo libllhttp-dev; else echo node-llhttp; fi
}

say() { printf '%s\n' "$*" >&2; }
die() {
	say "$(basename "$0"): $*"
	exit 1
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# need_packages NAME...: installs what is missing, as root or by sudo; else says what to install.
need_packages() {
	local missing=() name become=()
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		say "$(basename "$0"): no apt-get here; going on with what is installed"
		return 0
	fi
	for name in "$@"; do
		installed "$name" || missing+=("$name")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
			die "these packages are missing: ${missing[*]}
install them with: sudo apt-get install --no-install-recommends ${missing[*]}"
		fi
		become=(sudo -n)
	fi
	say "installing: ${missing[*]}"
	local log
	log=$(mktemp)
	# Another apt may hold the lock: wait for it. The lists may be old: fetch them and try again.
	if ! apt_install "${become[@]}" >"$log" 2>&1 && ! { "${become[@]}" apt-get update && apt_install "${become[@]}"; } \
		>"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		die "could not install: ${missing[*]}"
	fi
	rm -f "$log"
	# The package starts a server of its own; usherd keeps a private one, so that one is not needed.
	if [[ " ${missing[*]} " == *" redis-server "* ]] && [ -d /run/systemd/system ]; then
		"${become[@]}" systemctl disable --now redis-server >/dev/null 2>&1 || true
	fi
}

# A mail server for the test that sends by a real one: Postfix, but not where another stands, whose place it would
# take. It is installed without a configuration of the machine's, so nothing of it runs but what the test starts.
need_mail_server() {
	local other become=()
	! installed postfix || return 0
	other=$(dpkg-query -W -f '${db:Status-Status} ${Provides} ${Package}\n' 2>/dev/null |
		awk '$1 == "installed" && /mail-transport-agent/ { print $NF; exit }')
	if [ -n "$other" ]; then
		say "$(basename "$0"): $other is this machine's mail server; without Postfix a test is skipped"
		return 0
	fi
	[ "$(id -u)" -eq 0 ] || become=(sudo -n)
	if command -v debconf-set-selections >/dev/null; then
		echo "postfix postfix/main_mailer_type select No configuration" |
			"${become[@]}" debconf-set-selections 2>/dev/null || true
	fi
	need_packages postfix
}

# A browser for the pages. The headless shell is the same engine, takes a third of the processor, and is not everywhere.
need_browser() { (need_packages chromium-headless-shell) 2>/dev/null || need_packages chromium; }

apt_install() {
	"$@" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		-o DPkg::Lock::Timeout=300 "${missing[@]}"
}

need_build_packages() {
	need_packages "${packages_build[@]}" "$@"
	local more
	more=$(llhttp_package)
	[ -z "$more" ] || need_packages "$more"
	# The pages' charts come from the npm registry; Debian's npm will do, and so does any other.
	command -v npm >/dev/null || need_packages nodejs npm
}

# build_in DIR TARGETS... -- MESON OPTIONS...: configures once, then builds; one build a directory at a time.
# The target @plugins stands for all plugins; no target for everything.
build_in() {
	local dir=$1 targets=() log lock
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		targets+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	mkdir -p "$top/$dir"
	log=$(mktemp)
	exec {lock}>"$top/$dir/.building"
	flock "$lock"
	if ! { { [ -e "$top/$dir/build.ninja" ] || meson setup "$top/$dir" "$top" "$@"; } &&
		ninja -C "$top/$dir" $(real_targets "$top/$dir" "${targets[@]}"); } >"$log" 2>&1; then
		tail -n 60 "$log" >&2
		rm -f "$log"
		exec {lock}>&-
		return 1
	fi
	rm -f "$log"
	exec {lock}>&-
}

real_targets() {
	local dir=$1 name
	shift
	for name in "$@"; do
		if [ "$name" = @plugins ]; then
			ninja -C "$dir" -t targets all | sed -n 's/^\(plugins\/[^:]*\.so\): .*/\1/p'
		else
			printf '%s\n' "$name"
		fi
	done
}

# reaches ACCOUNT DIR: may that account pass through to DIR?
reaches() { setpriv --reuid="$1" --regid="$1" --clear-groups test -x "$2" 2>/dev/null; }
