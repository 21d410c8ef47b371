#!/usr/bin/env bash
# kernel-state.sh: what the kernel holds in this network namespace, by nobody's word but its own; without what traffic
# and time change. One fact a line, sorted, so that two of them can be compared; those of 'index' and link-local addresses
# are others when an interface is made anew.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: kernel-state.sh
Prints links, addresses, routes and rules (ip), tables (nft), tunnels (wg) and every setting under /proc/sys/net.
USAGE
}
if (($# > 0)); then
    usage >&2
    exit 64
fi

transient='["stats", "stats64", "preferred_life_time", "valid_life_time", "ifindex", "handle", "link_index", "metainfo"]'
facts() { # WORD: each element of a JSON list as one line
    jq -S -c --arg word "$1" --argjson transient "$transient" '
        def lasting: walk(if type == "object" then with_entries(select(.key as $key | $transient | index($key) | not)) else . end);
        if type == "object" then .nftables else . end | .[] | lasting | select(. != {}) | "\($word) \(.)"' -r
}

{
    ip -o link show | sed -n 's/^\([0-9]*\): \([^:@]*\).*/index \2 \1/p'
    ip -d -j link show | facts link
    ip -d -j address show | jq -c 'map({ifname, address: .addr_info[]})' | facts address
    for family in -4 -6; do
        # What routers announce comes and goes.
        ip "$family" -d -j route show table all | jq -c 'map(select(.protocol != "ra"))' | facts "route$family"
        ip "$family" -d -j rule show | facts "rule$family"
    done
    nft -j list ruleset | facts nft
    for dev in $(wg show interfaces); do
        wg showconf "$dev" | awk -F ' = ' -v dev="$dev" '
            /^\[/ { peer = "" }
            $1 == "PublicKey" { peer = $2 }
            NF == 2 { count = split($2, each, ", "); for (i = 1; i <= count; i++) print "wg", dev, peer, $1, each[i] }'
    done
    # Counted by the kernel, or written only.
    grep -rs '' /proc/sys/net | grep -v nf_conntrack_count | sed 's/^/sysctl /' || true
} | LC_ALL=C sort
