#!/usr/bin/env bash
# One agent in two networks: what happens in one is not felt in the other.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1
begin
ctl apply -f - <<'YAML'
{kind: network, name: red, range: 10.211.0.0/24}
---
{kind: network, name: blue, range: 10.212.0.0/24}
---
{kind: site, name: red-one, network: red, prefixes: [192.168.1.0/24], endpoints: [203.0.113.1]}
---
{kind: site, name: red-two, network: red, prefixes: [192.168.2.0/24], endpoints: [203.0.113.2]}
---
{kind: site, name: blue-one, network: blue, endpoints: [203.0.113.1]}
---
{kind: site, name: blue-two, network: blue, endpoints: [203.0.113.2]}
YAML
join red 1 red-one 2 red-two
publish red
within 10 reaches 1 2 || fail 'red does not work'

# The running agents take the second network up by themselves.
join blue 1 blue-one 2 blue-two
publish blue
within 10 site 1 ping -n -q -c 1 -W 1 10.212.0.2 >/dev/null || fail 'blue does not work'
[[ $(interfaces 1 | sort | tr '\n' ' ') == 'pt000 pt100 ' ]] || fail "unexpected interfaces: $(interfaces 1)"
shown 'both networks work in one agent'

red() { fingerprint 1 | grep '^pt0'; fingerprint 2 | grep '^pt0'; }
red >"$WORK/before"
stream_start 1 2
ctl site update blue-two --prefix 172.20.2.0/24
publish blue
site 1 ip route get 172.20.2.1 | grep -q 'dev pt100' || fail 'the prefix has no route in blue'
site 1 patronus-agent leave --state "$WORK/site1" --network blue
read -r sent lost < <(stream_stop 1 2)
red >"$WORK/after"
diff "$WORK/before" "$WORK/after" || fail 'red changed'
((sent > 0 && lost == 0)) || fail "red lost $lost of $sent packets"
[[ $(interfaces 1 | tr '\n' ' ') == 'pt000 ' ]] || fail 'blue is not gone'
shown "blue was changed and left: red as it was, $sent packets, none lost"

# A third network with the addresses of the first is refused by name, and no other program is blamed.
ctl apply -f - <<'YAML'
{kind: network, name: green, range: 10.211.0.0/24}
---
{kind: site, name: green-one, network: green, endpoints: [203.0.113.1]}
---
{kind: site, name: green-two, network: green, endpoints: [203.0.113.2]}
YAML
join green 1 green-one 2 green-two
if publish green >"$WORK/green" 2>&1; then fail 'two networks with one range are taken'; fi
grep -q 'network red, in which this host is too, has the same addresses: 10.211.0' "$WORK/green" || fail "red is not named: $(<"$WORK/green")"
red >"$WORK/after"
diff "$WORK/before" "$WORK/after" || fail 'green disturbed red'
shown 'a network with the addresses of another is refused, and the other is named'

# What a host does not forward is told, for as long as it does not.
status() { site 1 patronus-agent status --state "$WORK/site1" --network red; }
if status | grep -q 'does not forward'; then fail 'forwarding is missed where it is on'; fi
# shellcheck disable=SC2016  # for the shell inside
site 1 bash -c 'for f in /proc/sys/net/ipv4/conf/*/forwarding; do echo 0 >"$f"; done'
status | grep -q 'does not forward IPv4.*sysctl -w net.ipv4.ip_forward=1' || fail "forwarding is not missed: $(status)"
site 1 bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
if status | grep -q 'does not forward'; then fail 'forwarding is missed where it is on again'; fi
shown 'a host that does not forward is told which setting to change'
