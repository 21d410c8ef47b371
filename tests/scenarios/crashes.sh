#!/usr/bin/env bash
# The agent is killed at every place that it announces, in changes that are right and in ones that are not; half of the
# times the host loses power with it. Whatever comes next, the kernel is as the old bundle has it or as the new one has it.

together() { # FILE...
    local killed
    printf '%-28s %8s %12s\n' 'killed at' times 'power lost'
    cat "$@" | sed -n 's/^row //p' | awk '{ all[$1]++; cut[$1] += $2 } END { for (place in all) printf "%-28s %8d %12d\n", place, all[place], cut[place] }' | sort
    killed=$(cat "$@" | grep -c '^row ') || true
    echo "shown: killed $killed times, and each time the old state or the new one came back, whole"
    if ((killed < 100)); then
        echo 'FAILED: at least 100 rounds are wanted' >&2
        return 1
    fi
}
# shellcheck source=tests/lab/side-by-side.sh
. "$(dirname "$(readlink -f "$0")")/../lab/side-by-side.sh" 3
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1
# shellcheck source=tests/lab/forge.sh
. "$here/forge.sh"

# Rounds of this part for each kind of change: to more, back to less, and one that fails its proof.
declare -A ROUNDS=([more]=14 [less]=14 [bad]=7)
begin
ctl apply -f - <<'YAML'
{kind: network, name: net, range: 10.210.0.0/24, confirm: {timeout_s: 5}}
---
kind: site
name: one
network: net
prefixes: [192.168.1.0/24]
uplinks:
  - {name: up, endpoint: 203.0.113.1, device: up1, gateway: 203.0.113.254}
---
{kind: site, name: two, network: net, prefixes: [192.168.2.0/24], endpoints: [203.0.113.2]}
YAML
join net 1 one 2 two
publish net
take_bundles net 1 one
within 10 reaches 1 2 || fail 'there is no way'
# Peers alone decide in one part, and the server with them in the others.
if ((PART == 0)); then stop_server; fi

GHOST=$(wg genkey | wg pubkey)
# shellcheck disable=SC2016  # for jq
declare -A EDIT=(
    [less]=.
    [more]='.mtu = 1380 | .addresses += ["10.210.0.101"] | .uplinks[0].keepalive_s = 20
        | .peers[0].allowed_ips += ["172.16.2.0/24"]
        | .peers += [{name: "ghost", addresses: ["10.210.0.77"], allowed_ips: ["10.210.0.77/32", "172.16.77.0/24"],
                      uplinks: [{public_key: $ghost, endpoint: "203.0.113.77:51820", cost: 100}]}]'
    # All that 'more' has, and the wrong key for the only peer that answers.
    [bad]='.mtu = 1300 | .addresses += ["10.210.0.102"] | .peers[0].allowed_ips += ["172.16.3.0/24"]
        | .peers[0].uplinks[0].public_key = $ghost'
)
version=1
declare -A KIND=([1]=less)
make() { # KIND
    version=$((version + 1))
    KIND[$version]=$1
    # Another cost, so that no two are the same; with one uplink it changes nothing.
    jq --arg ghost "$GHOST" --argjson version "$version" ".uplinks[0].cost += \$version | ${EDIT[$1]}" \
        "$BUNDLES/one.json" >"$WORK/content.json"
    forged one "$version" "$WORK/content.json"
}

agent() { # VARIABLE=VALUE...
    site 1 env "$@" patronus-agent run --state "$WORK/site1" >>"$WORK/log/agent1.log" 2>&1 &
    AGENT_PID[1]=$!
    within 10 answering || fail 'the agent does not start'
}
answering() { [[ $(state 1 .contact) != null ]]; } 2>/dev/null
settled() { ! compgen -G "$WORK/site1/networks/*/apply.json" >/dev/null; }
applies() { apply_file 1 "one-$version" >"$WORK/said" 2>&1; }

# What the kernel holds with each, and the places that a change to it passes.
declare -A PLACES=()
trace() { # KIND
    local before
    make "$1"
    stop_agent 1
    : >"$WORK/places"
    agent PATRONUS_FAILPOINT_ANNOUNCE="$WORK/places"
    before=$(wc -l <"$WORK/places")
    if applies; then [[ $1 != bad ]]; else [[ $1 == bad ]]; fi || fail "to $1: $(<"$WORK/said")"
    # Each by its name and how often it was passed by then.
    PLACES[$1]=$(awk -v before="$before" '{ count[$1]++ } NR > before { print $1 ":" count[$1] }' "$WORK/places")
    if [[ $1 != bad ]]; then lasting 1 >"$WORK/state-$1"; fi
}
trace more
trace less
trace bad
lasting 1 | diff "$WORK/state-less" - || fail 'the change that fails leaves something'
if diff -q "$WORK/state-more" "$WORK/state-less" >/dev/null; then fail 'the harness does not see what a change does'; fi
for kind in more less bad; do shown "a change to '$kind' passes $(wc -l <<<"${PLACES[$kind]}") places"; done

runs() { state 1 .running.version; }
# The state that fits what the agent says it runs.
whole() { settled && lasting 1 >"$WORK/now" && cmp -s "$WORK/state-${KIND[$(runs)]}" "$WORK/now"; }

mkfifo "$WORK/announced"
crash() { # KIND PLACE POWER
    local before now applying place=''
    before=$(runs)
    make "$1"
    stop_agent 1
    exec 9<>"$WORK/announced"
    agent PATRONUS_FAILPOINT="$2" PATRONUS_FAILPOINT_ANNOUNCE="$WORK/announced"
    applies &
    applying=$!
    read -r -t 15 -u 9 place || fail "to $1: $2 is not reached: $(<"$WORK/said")"
    exec 9>&-
    if (($3)); then power_cut 1; else stop_agent 1 KILL; fi
    wait "$applying" || true
    start_agent 1
    within 10 answering || fail 'the agent does not start again'
    within 10 whole || fail "to $1, killed at $2, power lost $3: neither old nor new: $(diff "$WORK/state-${KIND[$(runs)]}" "$WORK/now")"
    now=$(runs)
    [[ $now == "$before" || $now == "$version" && $1 != bad ]] || fail "version $now runs, neither $before nor $version"
    echo "row ${place} $3"
}

# From where a change of this kind begins.
declare -A BASE=([more]=less [less]=more [bad]=less)
begins() { # KIND
    if [[ ${KIND[$(runs)]} != "${BASE[$1]}" ]]; then
        make "${BASE[$1]}"
        applies || fail "back to ${BASE[$1]}: $(<"$WORK/said")"
    fi
}

# The rounds of a kind: spread over all of its places, and those over all parts.
for kind in more less bad; do
    mapfile -t places <<<"${PLACES[$kind]}"
    of=$((ROUNDS[$kind] * PARTS))
    for ((i = 0; i < ROUNDS[$kind]; i++)); do
        begins "$kind"
        crash "$kind" "${places[(i * PARTS + PART) * ${#places[@]} / of]}" $((i % 2))
    done
done
within 10 reaches 1 2 || fail 'there is no way at the end'
