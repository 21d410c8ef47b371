# shellcheck shell=bash
# Starts Patronus in the lab. Sourced inside netns-wan.sh by scripts/demo and tests/scenarios.
#
# PATRONUS_BIN holds the three programs. WORK is the folder of this run: WORK/server is the server's data,
# WORK/site<S> the state of site S's agent, WORK/log what they print. On a slow machine PATRONUS_PATIENCE says by how
# much each waiting time is multiplied.

PATH=$PATRONUS_BIN:$PATH
PATIENCE=${PATRONUS_PATIENCE:-1}
WORK=$LAB_DIR/patronus
SERVER_URL=https://patronus.example:8443
export XDG_CONFIG_HOME=$WORK/config XDG_STATE_HOME=$WORK/state XDG_CACHE_HOME=$WORK/cache
mkdir -p "$WORK/log"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Waits until COMMAND succeeds, at most SECONDS (times PATIENCE), looking every 50 ms.
within() { # SECONDS COMMAND...
    local deadline=$((SECONDS + $1 * PATIENCE))
    shift
    until "$@"; do
        if ((SECONDS >= deadline)); then return 1; fi
        sleep 0.05
    done
}

# Called with each command that a person would type; the demo prints it.
show() { :; }
run() {
    show "$@"
    "$@"
}

# People work where the server is.
ctl() { run server patronusctl "$@"; }

# nsenter and env exec, so the PID of the job is the program's own.
# shellcheck disable=SC2120  # options are for some callers
start_server() { # OPTIONS...
    local command=(server patronus-server serve --data "$WORK/server" --listen 198.51.100.10:8443 --public-url "$SERVER_URL" "$@")
    show "${command[@]}" '&'
    : >"$WORK/log/server.out"
    "${command[@]}" >"$WORK/log/server.out" 2>>"$WORK/log/server.log" &
    SERVER_PID=$!
    within 20 grep -q '^listening on ' "$WORK/log/server.out" || fail "the server does not start: $(tail -n 5 "$WORK/log/server.log")"
}

stop_server() {
    show kill "$SERVER_PID" '# the server'
    kill "$SERVER_PID"
    wait "$SERVER_PID" || fail 'the server did not stop cleanly'
}

init_server() {
    head -c 18 /dev/urandom | base64 >"$WORK/password"
    chmod 600 "$WORK/password"
    run server patronus-server init --data "$WORK/server" --name patronus.example --password-file "$WORK/password"
}

login() {
    ctl login --server "$SERVER_URL" --user admin --password-file "$WORK/password" --ca-file "$WORK/server/tls/ca.pem" --store file
}

declare -A AGENT_PID=()

# The invitation is a file that somebody carries to the site.
enrol_site() { # S NAME [NETWORK]
    local invitation=$WORK/invitation-$2.json
    ctl token create --kind enrol --site "$2" ${3:+--network "$3"} --out "$invitation"
    run site "$1" patronus-agent enrol --state "$WORK/site$1" --token-file "$invitation"
}

start_agent() { # S OPTIONS...
    local s=$1
    shift
    local command=(site "$s" patronus-agent run --state "$WORK/site$s" "$@")
    show "${command[@]}" '&'
    "${command[@]}" >>"$WORK/log/agent$s.log" 2>&1 &
    AGENT_PID[$s]=$!
}

stop_agent() { # S [SIGNAL]
    # Who plays with a lab that was kept may have ended it already.
    kill "-${2:-TERM}" "${AGENT_PID[$1]}" 2>/dev/null || true
    wait "${AGENT_PID[$1]}" 2>/dev/null || true
    unset "AGENT_PID[$1]"
}

# What a power cut leaves of a site: its disk.
power_cut() { # S
    local dev family
    stop_agent "$1" KILL
    for dev in $(interfaces "$1"); do site "$1" ip link delete "$dev"; done
    site "$1" nft flush ruleset
    for family in -4 -6; do
        site "$1" ip "$family" route flush table all protocol 80 2>/dev/null || true
        while site "$1" ip "$family" rule delete protocol 80 2>/dev/null; do :; done
    done
}

# The judges below ask the kernel and wg, never Patronus.

interfaces() { # S
    site "$1" ip -o link show | sed -n 's/^[0-9]*: \(pt[0-9a-z]*\)[:@].*/\1/p'
}

# One line per interface: name, index, and a digest of what is configured on it.
fingerprint() { # S
    local dev
    for dev in $(interfaces "$1"); do
        printf '%s %s %s\n' "$dev" "$(site "$1" cat "/sys/class/net/$dev/ifindex")" "$(
            { site "$1" wg show "$dev" listen-port
              site "$1" wg show "$dev" allowed-ips | sort
              site "$1" wg show "$dev" endpoints | sort
              site "$1" ip -o address show dev "$dev" scope global
              site "$1" ip -o link show dev "$dev" | grep -o 'mtu [0-9]*'
            } | sha256sum | cut -c1-12)"
    done
}

# The youngest handshake of an interface, in seconds since 1970; 0 is never.
handshake() { # S DEV
    site "$1" wg show "$2" latest-handshakes | cut -f2 | sort -n | tail -n 1
}

reaches() { # FROM TO: one ping between the hosts behind two sites
    host "$1" ping -n -q -c 1 -W 1 "192.168.$2.2" >/dev/null
}
reaches6() { # FROM TO
    host "$1" ping -n -q -c 1 -W 1 "fd00:$2::2" >/dev/null
}

# A stream of 50 packets a second between the hosts behind two sites.
stream_start() { # FROM TO
    # Emptied here: the job may do so only after the last stream's packets were taken for this one's.
    : >"$WORK/log/stream-$1-$2"
    host "$1" env --default-signal=INT ping -n -i 0.02 "192.168.$2.2" >"$WORK/log/stream-$1-$2" 2>&1 &
    echo $! >"$WORK/stream-$1-$2.pid"
    # Told to stop before it runs, ping would say nothing.
    within 5 grep -q icmp_seq "$WORK/log/stream-$1-$2" || fail "no packet of the stream from $1 to $2 arrives"
}

# Ends it and prints "sent lost". The very last packet may still be on its way when ping is told to stop.
stream_stop() { # FROM TO
    kill -INT "$(<"$WORK/stream-$1-$2.pid")"
    # Not 'wait': who reads the numbers from a subshell is not the parent of ping.
    within 5 grep -q 'packets transmitted' "$WORK/log/stream-$1-$2" || fail "the stream from $1 to $2 does not end"
    awk '
        match($0, /icmp_seq=[0-9]+/) { last = substr($0, RSTART + 9, RLENGTH - 9) }
        / packets transmitted, / { sent = $1; lost = $1 - $4 }
        END { print sent, (lost == 1 && last == sent - 1) ? 0 : lost }' "$WORK/log/stream-$1-$2"
}
