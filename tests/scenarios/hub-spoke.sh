#!/usr/bin/env bash
# A hub and two spokes, one of them behind NAT and known by no endpoint: they reach each other through the hub.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1,1 -n 3
begin
ctl apply -f - <<'YAML'
kind: network
name: star
topology: hub-spoke
---
{kind: site, name: hub, network: star, hub: true, prefixes: [192.168.1.0/24], endpoints: [203.0.113.1]}
---
{kind: site, name: open, network: star, prefixes: [192.168.2.0/24], endpoints: [203.0.113.2]}
---
{kind: site, name: hidden, network: star, prefixes: [192.168.3.0/24]}
YAML
join star 1 hub 2 open 3 hidden
publish star

within 10 reaches 3 1 || fail 'the site behind NAT does not reach the hub'
for pair in '1 2' '2 1' '2 3' '3 2' '1 3'; do
    # shellcheck disable=SC2086
    within 10 reaches $pair || fail "no way for $pair"
done
shown 'all reach all'

for s in 2 3; do [[ $(site $s wg show pt000 peers | wc -l) == 1 ]] || fail "spoke $s has other peers than its hub"; done
[[ $(site 1 wg show pt000 peers | wc -l) == 2 ]] || fail 'the hub does not have two peers'
shown 'spokes have one peer, the hub'

[[ $(site 3 wg show pt000 persistent-keepalive | cut -f2) == 25 ]] || fail 'the site without endpoint does not keep its way open'
[[ $(site 2 wg show pt000 persistent-keepalive | cut -f2) == off ]] || fail 'a site with an endpoint sends keepalives'
shown 'keepalive only where there is no endpoint'

# Endpoints that were learnt must outlive a change.
learnt=$(site 1 wg show pt000 endpoints | grep -v '203\.0\.113\.2:' | cut -f2)
stream_start 3 2
ctl site update open --prefix 192.168.2.0/24 --prefix 192.168.22.0/24
publish star
read -r sent lost < <(stream_stop 3 2)
((sent > 0 && lost == 0)) || fail "$lost of $sent packets lost while a prefix was added"
site 1 wg show pt000 endpoints | grep -qF "$learnt" || fail 'the learnt endpoint was lost'
shown "a prefix was added, $sent packets, none lost, the learnt endpoint stayed"
