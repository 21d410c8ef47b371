#!/usr/bin/env bash
# Policies as the kernel carries them out: each class of traffic by its own path, what is dropped and limited, and a path that
# dies under them. Counted where packets leave the site.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 2,2
begin
ctl apply -f - <<'YAML'
{kind: network, name: office, paths: {interval_ms: 20, hold_s: 2}}
---
kind: site
name: amsterdam
network: office
prefixes: [192.168.1.0/24, 'fd00:1::/64']
uplinks: [{name: fiber, endpoint: 203.0.113.1, device: up1, gateway: 203.0.113.254},
          {name: lte, endpoint: 192.0.2.1, device: up2, gateway: 192.0.2.254, cost: 200, labels: {kind: mobile}}]
---
kind: site
name: berlin
network: office
prefixes: [192.168.2.0/24, 'fd00:2::/64']
uplinks: [{name: fiber, endpoint: 203.0.113.2, device: up1, gateway: 203.0.113.254},
          {name: lte, endpoint: 192.0.2.2, device: up2, gateway: 192.0.2.254, cost: 200, labels: {kind: mobile}}]
---
kind: policy
name: bulk
network: office
priority: 100
match_criteria: {dst: 'site:berlin', protocol: udp, dst_ports: 9001}
action: route
route: {prefer: [kind=mobile]}
expect: [from amsterdam to berlin udp/9001 → route via kind=mobile, from amsterdam to berlin udp/9004 → route]
---
kind: policy
name: secret
network: office
priority: 100
match_criteria: {protocol: udp, dst_ports: 9002}
action: route
route: {prefer: [lte], fallback: drop}
---
kind: policy
name: no-telnet
network: office
priority: 200
match_criteria: {protocol: tcp, dst_ports: 23}
action: drop
---
kind: policy
name: slow
network: office
priority: 50
match_criteria: {protocol: udp, dst_ports: 9003}
action: rate_limit
rate_limit: {rate: 100, unit: packets/s, burst: 10}
YAML
join office 1 amsterdam 2 berlin
publish office
within 15 reaches 1 2 || fail 'no way between the two'
all_up() { [[ $(state "$1" '.paths | length == 4 and all(.[]; .status == "up")') == true ]]; } # S
for s in 1 2; do within 30 all_up "$s" || fail "the paths of $s do not come up: $(state "$s" .paths)"; done

# A table of somebody else counts what leaves, by device and port.
site 1 nft -f - <<'NFT'
table inet judge {
    set ways { typeof oifname . th dport; flags dynamic; counter; }
    chain out { type filter hook postrouting priority 200; meta l4proto { tcp, udp } oifname "pt0*" th dport { 23, 9001-9004, 5201 } add @ways { oifname . th dport }; }
}
NFT
judge_before=$(site 1 nft -j list chain inet judge out | md5sum)
# By which uplinks packets to a port left since the last look: "fiber", "lte", "fiber lte" or nothing.
left_by() { # PORT
    site 1 nft -j list set inet judge ways | jq -r --argjson port "$1" '
        [.nftables[].set? | values | .elem[]?.elem | select(.val.concat[1] == $port)
         | if .val.concat[0] | startswith("pt00") then "fiber" else "lte" end] | unique | join(" ")'
}
sends() { # PORT [FAMILY]: a hundred packets from the LAN of the first site to that of the second
    local to=192.168.2.2
    if [[ ${2:-4} == 6 ]]; then to='[fd00:2::2]'; fi
    site 1 nft flush set inet judge ways
    host 1 stream send "$to:$1" 500 0.2 >/dev/null
}
goes() { # PORT WAY: it does now
    sends "$1"
    [[ $(left_by "$1") == "$2" ]]
}
each_goes() { # BULK SECRET ELSE
    local port ways=([9001]="$1" [9002]="$2" [9004]="$3") family
    for port in 9001 9002 9004; do
        within 10 goes "$port" "${ways[port]}" || fail "port $port goes by '$(left_by "$port")', not '${ways[port]}': $(state 1 .paths)"
        sends "$port" 6
        [[ $(left_by "$port") == "${ways[port]}" ]] || fail "IPv6: port $port goes by '$(left_by "$port")', not '${ways[port]}'"
    done
}
each_goes lte lte fiber
# What the site itself sends is classed as well.
site 1 nft flush set inet judge ways
site 1 stream send 192.168.2.2:9001 500 0.2 >/dev/null
[[ $(left_by 9001) == lte ]] || fail "what the site itself sends goes by '$(left_by 9001)'"
shown 'each class goes by its own uplink, the rest by the best; IPv4 and IPv6, forwarded and local'

site 1 nft flush set inet judge ways
host 1 timeout 1 bash -c '</dev/tcp/192.168.2.2/23' 2>/dev/null && fail 'telnet is let through'
[[ -z $(left_by 23) ]] || fail 'what is to be dropped left'
shown 'what is dropped does not leave'

host 2 stream receive 192.168.2.2:9003 1 >"$WORK/log/limited" &
receiver=$!
within 5 grep -q ready "$WORK/log/limited" || fail 'the receiver does not start'
host 1 stream send 192.168.2.2:9003 1000 2 >/dev/null
wait "$receiver"
read -r received _ < <(tail -n 1 "$WORK/log/limited")
((received >= 150 && received <= 300)) || fail "$received packets of 2,000 came within 2 s by a limit of 100 a second and 10 at once"
shown "a limit of 100 packets/s let $received of 2,000 pass in 2 s"

# A TCP flow in a class, moved by a black hole and back again.
host 2 iperf3 -s -1 >"$WORK/log/iperf-server" &
iperf=$!
listens() { [[ -n $(host 2 ss -Hltn 'sport = 5201') ]]; }
within 5 listens || fail 'iperf3 does not listen'
ctl apply -f - <<'YAML'
{kind: policy, name: tcp, network: office, priority: 100, match_criteria: {protocol: tcp}, action: route, route: {prefer: [lte]}}
YAML
publish office
site 1 nft flush set inet judge ways
host 1 iperf3 -c 192.168.2.2 -t 10 -b 2M -J >"$WORK/log/iperf" &
flow=$!
flows_by() { [[ $(left_by 5201) == "$1" ]]; }
within 5 flows_by lte || fail "the flow goes by '$(left_by 5201)'"
wan blackhole 1 2
within 10 goes 9001 fiber || fail "bulk stays on a dead path: $(state 1 .paths)"
within 10 goes 9002 '' || fail "what may only go by lte goes by '$(left_by 9002)'"
flows_on() { site 1 nft flush set inet judge ways; sleep 0.2; flows_by fiber; }
within 5 flows_on || fail "the flow did not move: $(left_by 5201)"
wan clear 1 2
wait "$flow" "$iperf" || fail "the TCP flow did not survive: $(tail -n 5 "$WORK/log/iperf")"
each_goes lte lte fiber
shown "a class leaves a dead path and comes back, one that may use no other goes nowhere meanwhile; a TCP flow went on: $(jq -r '.end.sum_received.bytes' "$WORK/log/iperf") bytes"

# Draining loses nothing.
host 2 stream receive 192.168.2.2:9004 1 >"$WORK/log/drained" &
receiver=$!
within 5 grep -q ready "$WORK/log/drained" || fail 'the receiver does not start'
host 1 stream send 192.168.2.2:9004 1000 6 >/dev/null &
sender=$!
ctl site drain berlin --network office --uplink fiber
publish office
site 1 nft flush set inet judge ways
sleep 0.2
drained_by=$(left_by 9004)
wait "$sender" "$receiver"
read -r received lost reordered gap < <(tail -n 1 "$WORK/log/drained")
[[ $(state 1 '[.paths[] | select(.used)][0].far_uplink') == 1 ]] || fail "traffic is still sent to the drained uplink: $(state 1 .paths)"
((lost == 0)) || fail "draining lost $lost of $((received + lost)) packets"
shown "an uplink is drained: $received packets at 1,000/s, none lost, $reordered overtaken, largest gap $gap ms, then by '$drained_by'"

[[ $(site 1 nft -j list chain inet judge out | md5sum) == "$judge_before" ]] || fail 'a foreign table was changed'
for policy in bulk secret no-telnet slow tcp; do ctl policy delete "$policy" --network office --confirm "$policy"; done
ctl site undrain berlin --network office --uplink fiber
publish office
rest() { site "$1" bash -c "ip rule; ip -6 rule; ip route show table all; nft list table inet patronus-0" | grep -E 'fwmark|table 200[0-9][0-9]|classify' || true; }
for s in 1 2; do [[ -z $(rest "$s") ]] || fail "left behind in $s: $(rest "$s")"; done
each_goes fiber fiber fiber
shown 'without policies nothing of them is left'

# The commands of the documents, word for word.
export PATRONUS_NETWORK=office
for page in policies paths; do
    text=$here/../../docs/$page.md
    # shellcheck disable=SC2016  # a fence, not a command
    if [[ $page == policies ]]; then sed -n '/^```yaml$/,/^```$/p' "$text" | sed 's/^```.*/---/' >"$WORK/policies.yaml"; fi
    # shellcheck disable=SC2016
    mapfile -t lines < <(sed -n '/^```console$/,/^```$/p' "$text" | grep '^\$ ')
    ((${#lines[@]} > 1)) || fail "docs/$page.md has no commands"
    for line in "${lines[@]}"; do
        read -ra words <<<"${line#\$ }"
        server env -C "$WORK" "${words[@]}" </dev/null || fail "docs/$page.md says: $line"
    done
done
