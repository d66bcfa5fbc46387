# shellcheck shell=bash disable=SC2154
# What the scripts of the lab share: daemons without systemd. A script that sources this has set `dir`; pid files are in
# $dir/run, what daemons print is in $dir/log. A pid file holds the pid and the process's start time, because pids are
# used again.

die() { echo "lab/$(basename -- "$0"): $*" >&2; exit 1; }

start_seconds=$(date +%s.%N)
say() { printf '%7.2fs %s\n' "$(awk -v a="$start_seconds" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')" "$*"; }

# Nothing for a process that is gone, or a zombie that nobody has reaped yet.
start_time_of() {
    local line
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    line=${line##*) }
    # shellcheck disable=SC2086 # the fields are to be split
    set -- $line
    [ "$1" = Z ] || echo "${20}"
}

alive() {
    local pid time
    [ -s "$dir/run/$1.pid" ] || return 1
    read -r pid time <"$dir/run/$1.pid"
    [ -n "$time" ] && [ "$(start_time_of "$pid")" = "$time" ]
}

pid_of() {
    local pid
    read -r pid _ <"$dir/run/$1.pid"
    echo "$pid"
}

start() {
    local name=$1 pid
    shift
    ! alive "$name" || return 0
    rm -f "$dir/run/$name.asok"
    # A session of its own survives the caller's terminal; the command stays in the foreground, so $! is the daemon.
    setsid "$@" >>"$dir/log/$name.out" 2>&1 </dev/null &
    pid=$!
    sleep 0.05
    echo "$pid $(start_time_of "$pid")" >"$dir/run/$name.pid"
}

stop() {
    local name=$1 seconds=$2 pid i
    if alive "$name"; then
        pid=$(pid_of "$name")
        kill -TERM "$pid" 2>/dev/null || true
        for ((i = 0; i < seconds * 20; i++)); do
            alive "$name" || break
            sleep 0.05
        done
        ! alive "$name" || kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$dir/run/$name.pid" "$dir/run/$name.asok"
}

# One line for `status`.
show() {
    local pid
    if alive "$1"; then
        pid=$(pid_of "$1")
        printf '%-10s pid %-7s %5d MiB\n' "$1" "$pid" "$(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$pid/status")"
    else
        printf '%-10s -\n' "$1"
    fi
}

# `wait_for SECONDS WHAT COMMAND…` until the command succeeds. With `awaited` set to a daemon's name, its end ends the
# waiting, and what it printed last is told.
wait_for() {
    local seconds=$1 what=$2 end
    shift 2
    end=$(($(date +%s) + seconds))
    until "$@" >/dev/null 2>&1; do
        [ -z "${awaited:-}" ] || alive "$awaited" || die "$what: $awaited ended: $(tail -3 "$dir/log/$awaited.out")"
        [ "$(date +%s)" -lt "$end" ] || die "$what: not after ${seconds} s, see $dir/log"
        sleep 0.1
    done
    say "$what"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
