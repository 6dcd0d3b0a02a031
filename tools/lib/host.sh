# Starting hosts, and what they need, from shell programs: sourced by POSIX shells after `set -eu`,
# with `root`, the tree. They run below `launch COMMAND...`, which the program may define anew.

work=$(mktemp -d)
started=''

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

# PERIGEE_BINARY is another build than the one of this tree.
binary=${PERIGEE_BINARY:-}
[ -n "$binary" ] || binary=$("$root/tools/build" 2>"$work/build.log") || {
    cat "$work/build.log" >&2
    die 'the build failed'
}

launch() {
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

is_running() {
    kill -0 "$1" 2>/dev/null
}

has_started_or_ended() {
    grep -qs '^  admin ' "$work/table" || ! is_running "$host"
}

# start_host DIR FLAG...: serves DIR, on free ports where the flags name no others. Sets host (the
# supervisor's pid), workers (the pids), http, rpc and admin (the addresses). What it logs is in
# $work/log.
start_host() {
    rm -f "$work/table"
    directory=$1
    shift
    (launch "$binary" serve "$directory" --http 127.0.0.1:0 --rpc 127.0.0.1:0 \
        --admin 127.0.0.1:0 "$@") >"$work/table" 2>>"$work/log" &
    host=$!
    started="$host $started"
    wait_until has_started_or_ended
    http=$(sed -n 's|^  http *http://\([^/]*\)/.*|\1|p' "$work/table")
    rpc=$(sed -n 's|^  rpc *\([^ ]*\).*|\1|p' "$work/table")
    admin=$(sed -n 's|^  admin *http://\([^/]*\)/.*|\1|p' "$work/table")
    [ -n "$http" ] || die 'the host did not start'
    workers=$(cat /proc/"$host"/task/*/children | xargs)
}

serves_or_ended() {
    curl --silent --fail --max-time 1 --output /dev/null "http://$1/health" || ! is_running "$etcd"
}

# run_etcd ADDRESS: one member with its data in $work. Sets etcd, its pid.
run_etcd() {
    (launch etcd --data-dir "$work/etcd" --log-level error \
        --listen-client-urls "http://$1" --advertise-client-urls "http://$1" \
        --listen-peer-urls http://127.0.0.1:0) >>"$work/etcd.log" 2>&1 &
    etcd=$!
    started="$etcd $started"
    wait_until serves_or_ended "$1"
    is_running "$etcd"
}

# start_etcd: sets etcd and registry, its address. It has no way to pick a free port itself that it
# would tell, so some are tried.
start_etcd() {
    command -v etcd >/dev/null || "$root/tools/install" test
    tries_of_etcd=0
    registry=127.0.0.1:$((20000 + $$ % 10000))
    until run_etcd "$registry"; do
        tries_of_etcd=$((tries_of_etcd + 1))
        [ $tries_of_etcd -lt 20 ] || die "etcd did not start: $(tail -n 1 "$work/etcd.log")"
        registry=127.0.0.1:$((20000 + ($$ + 997 * tries_of_etcd) % 10000))
    done
}

# stop PID: ends what was started and waits for it.
stop() {
    kill -TERM "$1"
    wait "$1" || die "a process ended with status $?"
    started=$(printf '%s\n' $started | grep -vx "$1" | xargs)
}
