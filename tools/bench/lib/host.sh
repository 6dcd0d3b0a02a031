# What every program in tools/bench begins with, besides tools/lib/host.sh: processors, tools and
# figures. Sourced by POSIX shells after `set -eu`.

root=$(cd "$(dirname "$0")/../.." && pwd)
bench="$root/tools/bench"
host_core=0
. "$root/tools/lib/host.sh"

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

# Compiles the bare server of libuv and http-parser, and prints its path.
bare_server() {
    mkdir -p "$root/build/bench"
    cc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -o "$root/build/bench/http-ceiling" \
        "$bench/http_servers/ceiling.c" -luv -lhttp_parser
    echo "$root/build/bench/http-ceiling"
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

# Hosts run on one processor.
launch() {
    on_core "$host_core" "$@"
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
