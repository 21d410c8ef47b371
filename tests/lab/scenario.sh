# shellcheck shell=bash
# What every scenario begins with: . scenario.sh LAB-OPTIONS... starts the script again inside a lab of its own.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
if [[ -z ${LAB_DIR:-} ]]; then
    cd "$here/../.."
    exec tests/lab/netns-wan.sh "$@" -- bash "$(readlink -f "$0")"
fi
# shellcheck source=tests/lab/patronus.sh
. "$here/patronus.sh"
# shellcheck source=tests/lab/kernel.sh
. "$here/kernel.sh"

# On failure everything that the programs said is shown.
told() {
    local status=$?
    if ((status != 0)); then
        echo "--- exit status $status; the programs' logs:" >&2
        tail -n 30 "$WORK"/log/*.log >&2 || true
    fi
}
trap told EXIT

# What a scenario shows, a line each.
shown() { echo "shown: $*"; }
show() { echo "$ ${*//$WORK\//}"; }

begin() { # a server with somebody logged in
    init_server
    start_server
    login
}

join() { # NETWORK S NAME...: enrols and starts
    local network=$1
    shift
    while (($# > 0)); do
        enrol_site "$1" "$2" "$network"
        if [[ -z ${AGENT_PID[$1]:-} ]]; then start_agent "$1"; fi
        shift 2
    done
}

publish() { # NETWORK OPTIONS...
    local network=$1
    shift
    ctl bundle publish --network "$network" --wait "$@"
}

# A network "net" of the sites one, two, …, each with one uplink and 192.168.S.0/24, up and published. FIELDS go into the
# network's manifest.
plain_net() { # COUNT [FIELDS]
    local names=([1]=one [2]=two [3]=three) s far sites=()
    for ((s = 1; s <= $1; s++)); do sites+=("$s" "${names[s]}"); done
    ctl apply -f - < <(
        echo "{kind: network, name: net${2:+, $2}}"
        for ((s = 1; s <= $1; s++)); do
            printf -- '---\n{kind: site, name: %s, network: net, prefixes: [192.168.%d.0/24], endpoints: [203.0.113.%d]}\n' \
                "${names[s]}" "$s" "$s"
        done
    )
    join net "${sites[@]}"
    publish net
    for ((s = 1; s <= $1; s++)); do
        for ((far = 1; far <= $1; far++)); do
            if ((far != s)); then within 10 reaches "$s" "$far" || fail "no way from ${names[s]} to ${names[far]}"; fi
        done
    done
}

# What the server says of a site of "net".
asked() { server patronusctl site get "$1" --network net -o json | jq -r "$2"; } # NAME JQ

# What the agent says of its only network.
state() { # S JQ
    site "$1" patronus-agent status --state "$WORK/site$1" -o json | jq -r ".networks[0].member | $2"
}
