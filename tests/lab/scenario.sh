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

# What the agent says of its only network.
state() { # S JQ
    site "$1" patronus-agent status --state "$WORK/site$1" -o json | jq -r ".networks[0].member | $2"
}
