#!/usr/bin/env bash
# A provider swallows everything, the carrier stays up, the server is away: traffic goes on by the other one.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 2,2
TRIALS=${TRIALS:-2}
begin
ctl apply -f - <<'YAML'
{kind: network, name: net}
---
kind: site
name: one
network: net
prefixes: [192.168.1.0/24]
uplinks: [{name: fiber, endpoint: 203.0.113.1, device: up1, gateway: 203.0.113.254},
          {name: lte, endpoint: 192.0.2.1, device: up2, gateway: 192.0.2.254, cost: 200}]
---
kind: site
name: two
network: net
prefixes: [192.168.2.0/24]
uplinks: [{name: fiber, endpoint: 203.0.113.2, device: up1, gateway: 203.0.113.254},
          {name: lte, endpoint: 192.0.2.2, device: up2, gateway: 192.0.2.254, cost: 200}]
YAML
join net 1 one 2 two
publish net
within 15 reaches 1 2 || fail 'no way between the two'
path() { state "$1" ".paths | map(select(.used))[0] | \"\(.uplink) \(.far_uplink) \(.status)\""; } # S
is() { [[ $(path "$1") == "$2" ]]; } # S PATH
left() { # S: traffic goes by the other uplink of the second site
    local by=([1]='.far_uplink == 1' [2]='.uplink == "lte"')
    [[ $(state "$1" ".paths | map(select(.used))[0] | .status == \"up\" and ${by[$1]}") == true ]]
}
all_up() { # S
    [[ $(state "$1" '.paths | length == 4 and all(.[]; .status == "up")') == true ]]
}
for s in 1 2; do
    within 30 all_up "$s" || fail "the paths of $s do not come up: $(state "$s" .paths)"
    is "$s" 'fiber 0 up' || fail "$s does not use the cheapest path: $(path "$s")"
done
shown 'all four paths are measured from both ends, and the cheapest is used'
stop_server

# A stream of 1,000 packets a second for SECONDS, while COMMAND is carried out: prints what the receiver saw.
watched() { # SECONDS COMMAND...
    local seconds=$1 out=$WORK/log/stream
    shift
    : >"$out"
    host 2 stream receive 192.168.2.2:9000 1 >"$out" &
    local receiver=$!
    within 5 grep -q ready "$out" || fail 'the receiver does not start'
    host 1 stream send 192.168.2.2:9000 1000 "$seconds" >"$WORK/log/sent" &
    local sender=$!
    sleep 1.5 # some of the stream goes by before anything happens
    "$@"
    wait "$sender" "$receiver"
    tail -n 1 "$out"
}

# So many times: the used provider swallows everything, and the receiver's largest gap is at most LIMIT ms.
trials() { # LIMIT
    local trial s received lost gap gaps=()
    for ((trial = 1; trial <= TRIALS; trial++)); do
        read -r received lost _ gap < <(watched 3.5 wan blackhole 2 1)
        gaps+=("$gap")
        for s in 1 2; do left "$s" || fail "$s did not leave the dead path: $(state "$s" .paths)"; done
        ((gap <= $1 * PATIENCE)) || fail "nothing arrived for $gap ms ($received received, $lost lost)"
        reaches 1 2 || fail 'no way between the two'
        wan clear 2 1
        for s in 1 2; do within 120 is "$s" 'fiber 0 up' || fail "$s does not return: $(state "$s" .paths)"; done
    done
    shown "a black hole of the used provider, carrier up, server stopped: largest gaps in ms: ${gaps[*]}"
}

# So many times: the used provider loses a fifth of the packets each way; both sides leave it, by what it loses alone.
brownouts() {
    local trial s began took=()
    host 1 stream send 192.168.2.2:9000 100 600 >/dev/null &
    local sender=$!
    sleep 3 # traffic flows, and is seen to do so at both ends
    for ((trial = 1; trial <= TRIALS; trial++)); do
        wan loss 2 1 20
        began=${EPOCHREALTIME/./}
        for s in 1 2; do within 8 left "$s" || fail "$s stays on a path that loses packets: $(state "$s" .paths)"; done
        took+=($(((${EPOCHREALTIME/./} - began) / 1000)))
        wan clear 2 1
        for s in 1 2; do within 120 is "$s" 'fiber 0 up' || fail "$s does not return: $(state "$s" .paths)"; done
    done
    kill "$sender"
    shown "a fifth of the packets lost: left by both sides after, in ms: ${took[*]}"
}

# With the settings that nobody changed, there and back.
# Back to the cheapest path it goes by a cheaper one first, so it takes the hold time twice, and longer on a busy host.
wan blackhole 2 1
for s in 1 2; do within 5 is "$s" 'lte 1 up' || fail "$s did not leave the dead path"; done
returned() { wan clear 2 1; for s in 1 2; do within 120 is "$s" 'fiber 0 up' || fail "$s does not return"; done; }
read -r received lost reordered gap < <(watched 45 returned)
((lost == 0)) || fail "returning lost $lost of $((received + lost)) packets"
shown "traffic returns after the hold time: $received packets, $lost lost, $reordered overtaken, largest gap $gap ms"
site 1 patronus-agent status --state "$WORK/site1" | grep -q '^path .*two by fiber to its uplink 0: up, .*carries the traffic' ||
    fail "status does not tell: $(site 1 patronus-agent status --state "$WORK/site1")"

# How long traffic waits before it returns says nothing of how soon it leaves.
published() { # PATHS
    start_server
    ctl apply -f - <<<"{kind: network, name: net, paths: $1}"
    publish net
    stop_server
    for s in 1 2; do within 30 all_up "$s" || fail "the paths of $s are not up: $(state "$s" .paths)"; done
}
published '{hold_s: 2}'
trials 400
brownouts
published '{interval_ms: 20, hold_s: 2}'
echo 'now with 20 ms between two packets'
trials 100
