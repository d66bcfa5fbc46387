#!/usr/bin/env bash
# Builds everything once, starts the real components that the tests talk to, runs every test project, stops what it
# started. The last line is `N passed, N failed`, with `, N skipped` when there are any.
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")"

usage() {
    cat <<'TEXT'
usage: ./test.sh [--fast] [--soak] [--filter X]
  --fast      needs only the .NET SDK: installs nothing, starts nothing; tests that need more are skipped and say so
  --soak      the long runs of the simulations
  --filter X  only tests whose full name holds X; an X that starts with / is a query of xunit's filter language
TEXT
}

fast='' soak='' filter=''
while (($#)); do
    case $1 in
        --fast) fast=1 ;;
        --soak) soak=1 ;;
        --filter) [[ $# -ge 2 ]] || { usage >&2; exit 2; }; filter=$2; shift ;;
        --filter=*) filter=${1#*=} ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

say() { printf '%s\n' "$*"; }
stop() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

# At most this many test projects at once: the simulations and the S3 tests fill a core each.
readonly projects_at_once=2
# A project that runs longer hangs. It is ended and counts as crashed.
if [[ $soak ]]; then readonly project_seconds=$((6 * 3600)); else readonly project_seconds=4200; fi

work=''
lab='' lab_dir='' broker_dir=''
declare -A running=() # pid → project

stop_lab() {
    [[ $lab_dir ]] || return 0
    local dir=$lab_dir
    lab_dir=''
    if ! { "$lab" down "$dir" && "$lab" wipe "$dir"; } >>"$work/lab.log" 2>&1 </dev/null; then
        cat "$work/lab.log" >&2
        return 1
    fi
}

stop_broker() {
    [[ $broker_dir ]] || return 0
    local dir=$broker_dir
    broker_dir=''
    if ! lab/rabbitmq wipe "$dir" >>"$work/broker.log" 2>&1 </dev/null; then
        cat "$work/broker.log" >&2
        return 1
    fi
}

# A project that was broken off leaves its own labs: all that they started is told a path in this folder.
end_left() {
    local pid mount
    for pid in $(pgrep -f -- "$work/" || true); do
        [[ $pid == "$$" ]] || kill -KILL "$pid" 2>/dev/null || true
    done
    while read -r _ mount _; do umount -l -- "$mount" || true; done < <(grep -F " $work/" /proc/mounts || true)
}

# Runs once, however the script ends. Ends only processes that were started here, by their ids.
clean_up() {
    local status=$? pid
    trap - EXIT
    trap '' INT TERM
    for pid in "${!running[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${!running[@]}"; do wait "$pid" 2>/dev/null || true; done
    stop_lab || true
    stop_broker || true
    if [[ $work ]]; then
        end_left
        rm -rf -- "$work"
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

packages_wanted() { sed 's/#.*//' lab/packages.txt | awk 'NF { print $1 }'; }

packages_missing() {
    local name
    for name in $(packages_wanted); do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || printf '%s ' "$name"
    done
}

install_packages() {
    command -v dpkg-query >/dev/null ||
        stop "only Debian and its kin are known here; the tests need: $(packages_wanted | tr '\n' ' ')(or ./test.sh --fast)"
    local missing log=$work/apt.log
    missing=$(packages_missing)
    [[ $missing ]] || return 0
    [[ $(id -u) == 0 ]] || stop "missing packages; install them, or run ./test.sh --fast:
  apt-get install --no-install-recommends $missing"
    say "installing: $missing"
    # shellcheck disable=SC2086 # one word a package
    if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        stop "could not install: $missing"
    fi
}

# The whole edge needs root: libvirt runs in a mount namespace of its own, CephFS is mounted. Others get Ceph alone.
start_lab() {
    local log=$work/lab.log
    local options=()
    if [[ $(id -u) == 0 ]]; then
        lab=lab/edge
        # All tests run beside the guest. A backup takes seconds: that is still many records.
        options=(--journal-ms 100)
        say 'starting the lab: Ceph with CephFS and S3, libvirt, a server'
    else
        lab=lab/ceph
        say 'starting the lab: Ceph with S3 (libvirt and a server need root)'
    fi
    lab_dir=$work/lab
    "$lab" up "$lab_dir" "${options[@]}" >"$log" 2>&1 </dev/null || { cat "$log" >&2; stop 'the lab did not start'; }
    local settings
    settings=$("$lab" env "$lab_dir") || stop 'the lab does not tell its addresses'
    eval "$settings"
    [[ ${AWS_ENDPOINT_URL_S3:-} ]] || stop 'the lab does not tell its S3 endpoint'
    # What tests look at to know what there is; without them they skip and say so.
    export VBACKUP_TEST_S3_ENDPOINT=$AWS_ENDPOINT_URL_S3
    # With Ceph alone its configuration is all that it tells.
    export VBACKUP_TEST_CEPH_CONF=${VBACKUP_TEST_CEPH_CONF:-$CEPH_CONF}
}

# What services of several processes speak through.
start_broker() {
    local log=$work/broker.log settings
    say 'starting the lab: RabbitMQ'
    # It does not run as root, and has to get to its folder; what tests write stays theirs.
    chmod 711 "$work"
    broker_dir=$work/broker
    lab/rabbitmq up "$broker_dir" >"$log" 2>&1 </dev/null || { cat "$log" >&2; stop 'RabbitMQ did not start'; }
    settings=$(lab/rabbitmq env "$broker_dir") || stop 'the lab does not tell where RabbitMQ is'
    eval "$settings"
}

build() {
    local log=$work/build.log
    say 'building'
    # Build servers are switched off: nothing that was started here may outlive this script.
    if ! MSBUILDDISABLENODEREUSE=1 dotnet build vBackup.slnx -c Release -v quiet -nologo -p:UseSharedCompilation=false \
        >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        stop 'the build failed'
    fi
    # Tests start the command line very often: as users have it, compiled ahead, it starts in half the time.
    [[ ! $fast ]] || return 0
    VBACKUP_TEST_PROGRAM=$(VBACKUP_BUILD_ONLY=1 ./vbackup 2>"$log" </dev/null) || { cat "$log" >&2; stop './vbackup was not built'; }
    export VBACKUP_TEST_PROGRAM
}

start_project() { # start_project NAME: it will leave NAME.log and NAME.xml
    local name=$1 select=()
    case $filter in
        '') ;;
        /*) select=(-filter "$filter") ;;
        *) select=(-method "*$filter*") ;;
    esac
    timeout --kill-after=20 "$project_seconds" "tests/$name/bin/Release/net10.0/$name" \
        -noLogo -noColor -noAutoReporters -diagnostics -longRunning 240 -result-xml "$work/$name.xml" "${select[@]}" \
        >"$work/$name.log" 2>&1 </dev/null &
    running[$!]=$name
}

# The runner writes its result file when all is over: one that crashed has left none, or a part of one.
is_complete() { [[ -s $work/$1.xml ]] && tail -c 100 "$work/$1.xml" | grep -q '</assemblies>'; } # is_complete NAME

# The totals stand in the result file's first <assembly> tag.
total_of() { # total_of NAME ATTRIBUTE
    is_complete "$1" || return 0
    sed -n 's/.*<assembly [^>]*[ ]'"$2"'="\([0-9]*\)".*/\1/p;/<assembly /q' "$work/$1.xml" | head -n 1
}

passed=0 failed=0 skipped=0 seen=0
report_project() { # report_project NAME STATUS
    local name=$1 status=$2 total ok bad errors skip verdict=''
    total=$(total_of "$name" total) ok=$(total_of "$name" passed) bad=$(total_of "$name" failed)
    errors=$(total_of "$name" errors) skip=$(total_of "$name" skipped)
    total=${total:-0} ok=${ok:-0} bad=${bad:-0} errors=${errors:-0} skip=${skip:-0}
    seen=$((seen + total))

    # Errors are failures outside of a test: in a fixture, or when tests are looked for.
    bad=$((bad + errors))
    if ! is_complete "$name"; then
        if [[ $status == 124 ]]; then verdict="ended after $project_seconds s: it hangs"
        else verdict="crashed (exit status $status)"; fi
        bad=$((bad + 1))
    elif ((total == 0)) && [[ ! $filter ]]; then
        verdict='reported no tests' bad=$((bad + 1))
    elif ((bad == 0)) && [[ $status != 0 ]] && ! ((total == 0)); then
        verdict="all tests passed, yet its exit status is $status" bad=1
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))

    if [[ $filter ]] && ((total == 0 && bad == 0)); then return; fi
    say "$name: $ok passed, $bad failed$( ((skip == 0)) || printf ', %s skipped' "$skip")${verdict:+ — $verdict}"
    # The runner's log names each failed test with its message, and each skipped one with its reason.
    # Of one that hangs, the tests that took long.
    if [[ $verdict ]]; then cut -c 1-240 "$work/$name.log" | tail -n 60
    elif ((bad > 0)); then grep '^    ' "$work/$name.log" || cat "$work/$name.log"
    else sed -n '/\[SKIP\]$/,/^      /p' "$work/$name.log"; fi
}

run_projects() {
    local names=(VBackup.EndToEnd.Tests) name name_done pid='' status file
    # The longest is the first: all others are done beside it.
    for file in tests/*/*.csproj; do
        name=$(basename "$file" .csproj)
        [[ $name == "${names[0]}" ]] || names+=("$name")
    done
    for name in "${names[@]}" ''; do
        while ((${#running[@]} >= (${#name} ? projects_at_once : 1))); do
            status=0
            wait -n -p pid "${!running[@]}" 2>/dev/null || status=$?
            name_done=${running[$pid]}
            unset "running[$pid]"
            report_project "$name_done" "$status"
        done
        [[ $name ]] || break
        start_project "$name"
    done
}

command -v dotnet >/dev/null ||
    stop "the .NET SDK is missing: install version $(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' global.json) or a later 10.0"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# Short: a Unix socket's path has 107 characters at most, and Ceph's sockets are below this folder.
work=$(mktemp -d /tmp/vb.XXXXXX)
mkdir -m 700 "$work/t"
# Whatever the build or a test leaves behind goes with the folder.
export TMPDIR=$work/t
[[ $fast ]] || install_packages
build
[[ $fast ]] || start_lab
[[ $fast ]] || start_broker
if [[ $soak ]]; then export VBACKUP_SOAK=1; fi
run_projects

if ! stop_lab; then say 'the lab did not stop'; failed=$((failed + 1)); fi
if ! stop_broker; then say 'RabbitMQ did not stop'; failed=$((failed + 1)); fi
if ((seen == 0 && failed == 0)); then say 'no test ran'; failed=1; fi
say "$passed passed, $failed failed$( ((skipped == 0)) || printf ', %s skipped' "$skipped")"
((failed == 0))
