#!/usr/bin/env bash
# What is not Patronus's own is never touched, and the agent runs no other program than wireguard-go and nft.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 2,1
begin
ctl apply -f - <<'YAML'
{kind: network, name: net}
---
kind: site
name: one
network: net
prefixes: [192.168.1.0/24]
uplinks:
  - {name: a, endpoint: 203.0.113.1, device: up1, gateway: 203.0.113.254}
  - {name: b, endpoint: 192.0.2.1, device: up2, gateway: 192.0.2.254}
---
{kind: site, name: two, network: net, prefixes: [192.168.2.0/24], endpoints: [203.0.113.2]}
YAML

site 1 bash -e <<'SITE'
wireguard-go pt0zz >/dev/null 2>&1
ip address add 10.99.0.1/24 dev pt0zz
ip link set pt0zz up
ip route add 10.98.0.0/16 dev pt0zz
ip route add 10.97.0.0/16 dev pt0zz table 20300 protocol static
ip rule add from 10.99.0.1 lookup 20300 priority 4001
nft add table inet patronus-foreign
nft add chain inet patronus-foreign c
SITE
foreign() {
    site 1 ip -d -j address show pt0zz | jq 'del(.. | .stats?)'
    site 1 ip -j route show table all | jq '.[] | select(.dst | startswith("10.9"))'
    site 1 ip -j rule show | jq '.[] | select(.src == "10.99.0.1")'
    site 1 nft -j list table inet patronus-foreign
}
foreign >"$WORK/before"

enrol_site 1 one net
site 1 strace -f -qq -e trace=execve -o "$WORK/strace" patronus-agent run --state "$WORK/site1" 2>>"$WORK/log/agent1.log" &
AGENT_PID[1]=$!
join net 2 two
publish net
within 10 reaches 1 2 || fail 'the network does not work'
foreign >"$WORK/running"
diff "$WORK/before" "$WORK/running" || fail 'something foreign changed while the network came up'

# strace follows wireguard-go too, which outlives the agent and ends when the site leaves.
agent=$(pgrep -P "${AGENT_PID[1]}")
kill "$agent"
gone() { ! kill -0 "$agent" 2>/dev/null; }
within 10 gone || fail 'the agent does not stop'
site 1 patronus-agent leave --state "$WORK/site1"
wait "${AGENT_PID[1]}" || true
foreign >"$WORK/left"
diff "$WORK/before" "$WORK/left" || fail 'something foreign changed when the site left'
[[ $(interfaces 1) == pt0zz ]] || fail "left behind: $(interfaces 1)"
shown 'a foreign interface of a name like ours, a route, a rule and an nft table are as they were'

programs=$(grep -o 'execve("[^"]*"' "$WORK/strace" | cut -d'"' -f2 | xargs -n1 basename | sort -u | tr '\n' ' ')
[[ $programs == 'nft patronus-agent wireguard-go ' ]] || fail "the agent started: $programs"
shown "the agent ran: $programs"
