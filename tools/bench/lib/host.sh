# What every program in tools/bench begins with: the program under test, a folder of its own, and an
# end for whatever it started. Sourced by POSIX shells after `set -eu`.

root=$(cd "$(dirname "$0")/../.." && pwd)
bench="$root/tools/bench"
work=$(mktemp -d)
started=''
host_core=0

# Nothing is left of what was started. A second signal makes a host stop at once.
finish() {
    for pid in $started; do
        kill -TERM "$pid" 2>/dev/null || continue
        sleep 0.05
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# Ends the program with a reason and what the host has said last.
die() {
    echo "$(basename "$0"): $*" >&2
    [ ! -s "$work/log" ] || tail -n 5 "$work/log" >&2
    exit 1
}

# PERIGEE_BINARY measures another build than the one of this tree.
binary=${PERIGEE_BINARY:-}
[ -n "$binary" ] || binary=$("$root/tools/build" 2>"$work/build.log") || {
    cat "$work/build.log" >&2
    die 'the build failed'
}
"$root/tools/install" build bench

# Compiles lib/NAME.c into build/bench/NAME when it is stale, and prints that path.
tool() {
    made="$root/build/bench/$1"
    if [ -z "$(find "$made" -newer "$bench/lib/$1.c" -newer "$bench/lib/client.c" \
        -newer "$bench/lib/client.h" 2>/dev/null)" ]; then
        mkdir -p "$root/build/bench"
        cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -pthread -o "$made" \
            "$bench/lib/$1.c" "$bench/lib/client.c"
    fi
    echo "$made"
}

# Runs a command on one processor; with one alone, wherever there is room. With
# PERIGEE_BENCH_REALTIME=1 it goes before whatever else runs there, which needs root.
on_core() {
    core=$1
    shift
    [ "${PERIGEE_BENCH_REALTIME:-}" != 1 ] || set -- chrt --fifo 1 "$@"
    if [ "$(nproc)" -gt 1 ]; then
        exec taskset -c "$core" "$@"
    fi
    exec "$@"
}

# Waits up to a minute until a command succeeds.
wait_until() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 3000 ] || die "waited for a minute in vain: $*"
        sleep 0.02
    done
}

has_started_or_ended() {
    grep -qs '^  admin ' "$work/table" || ! kill -0 "$host" 2>/dev/null
}

# start_host DIR FLAG...: serves DIR on free ports and the processor host_core. Sets host (the
# supervisor's pid), workers (the pids), http, rpc and admin (the addresses). What it logs is in
# $work/log.
start_host() {
    rm -f "$work/table"
    (on_core "$host_core" "$binary" serve "$@" --http 127.0.0.1:0 --rpc 127.0.0.1:0 \
        --admin 127.0.0.1:0) >"$work/table" 2>>"$work/log" &
    host=$!
    started="$started $host"
    wait_until has_started_or_ended
    http=$(sed -n 's|^  http *http://\([^/]*\)/.*|\1|p' "$work/table")
    rpc=$(sed -n 's|^  rpc *\([^ ]*\).*|\1|p' "$work/table")
    admin=$(sed -n 's|^  admin *http://\([^/]*\)/.*|\1|p' "$work/table")
    [ -n "$http" ] || die 'the host did not start'
    workers=$(cat /proc/"$host"/task/*/children | xargs)
}

# start_printing COMMAND...: a server on the first processor whose first line is its address, or
# several. Sets pid and address.
start_printing() {
    : >"$work/address"
    (on_core 0 env GOMAXPROCS=1 "$@") >"$work/address" 2>>"$work/log" &
    pid=$!
    started="$started $pid"
    wait_until test -s "$work/address"
    address=$(cat "$work/address")
}

# stop PID: ends what was started and waits for it.
stop() {
    kill -TERM "$1"
    wait "$1" || die "a process ended with status $?"
    started=$(printf '%s\n' $started | grep -vx "$1" | xargs)
}

# status NAME...: sums over everything /status tells, see lib/status.lua.
status() {
    curl --silent --show-error --max-time 10 "http://$admin/status" |
        lua5.1 "$bench/lib/status.lua" "$@"
}

# value NAME WORD...: what follows NAME in a line of names and values.
value() {
    name=$1
    shift
    while [ $# -gt 1 ] && [ "$1" != "$name" ]; do
        shift
    done
    echo "${2:-}"
}

# Seconds of processor time that a process has used.
cpu_s() {
    awk -v ticks="$(getconf CLK_TCK)" '{ print ($14 + $15) / ticks }' "/proc/$1/stat"
}

# Kilobytes of memory that processes hold; descriptors that they have open.
rss_kb() {
    for pid in "$@"; do
        cat "/proc/$pid/status"
    done | awk '/^VmRSS/ { sum += $2 } END { print sum }'
}
descriptors() {
    for pid in "$@"; do
        ls "/proc/$pid/fd"
    done | wc -l
}
