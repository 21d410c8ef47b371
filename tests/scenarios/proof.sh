#!/usr/bin/env bash
# A change that cuts sites off is undone by the sites themselves, exactly, with the server up and while it is down; a change
# that waits for its proof when the power fails is undone too.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1,1
begin
ctl apply -f - <<'YAML'
{kind: network, name: net, confirm: {timeout_s: 6}}
---
{kind: site, name: one, network: net, prefixes: [192.168.1.0/24], endpoints: [203.0.113.1]}
---
{kind: site, name: two, network: net, prefixes: [192.168.2.0/24], endpoints: [203.0.113.2]}
---
{kind: site, name: three, network: net, prefixes: [192.168.3.0/24], endpoints: [203.0.113.3]}
YAML
join net 1 one 2 two 3 three
publish net
for pair in '1 2' '2 3' '3 1'; do
    # shellcheck disable=SC2086
    within 10 reaches $pair || fail "no way for $pair"
done

# What the kernel holds, by nobody's word but its own; without what traffic and time change.
kernel() { # S
    local dev
    site "$1" ip -d -j address show | jq -S 'del(.. | .stats64?, .stats?, .preferred_life_time?, .valid_life_time?)'
    site "$1" ip -j route show table all | jq -S 'sort_by(.table, .dst, .metric)'
    site "$1" ip -6 -j route show table all | jq -S 'map(select(.protocol != "ra")) | sort_by(.table, .dst, .metric)'
    for family in -4 -6; do site "$1" ip "$family" -j rule show | jq -S .; done
    site "$1" nft -j list ruleset | jq -S 'del(.nftables[].metainfo?)'
    for dev in $(interfaces "$1"); do site "$1" wg showconf "$dev" | sort; done
    site "$1" sysctl -a 2>/dev/null | grep -E '\.(rp_filter|arp_ignore|arp_announce)|ip_local_reserved_ports|\.forwarding|ip_forward'
}
state() { # S JQ
    site "$1" patronus-agent status --state "$WORK/site$1" -o json | jq -r ".networks[0].member | $2"
}
ended() { # S VERSION RESULT
    [[ $(state "$1" '"\(.outcome.version) \(.outcome.result)"') == "$2 $3" ]]
}
answered() { [[ $(state "$1" .contact.reachable) == true ]]; }
remember() { for s in 1 2 3; do kernel "$s" >"$WORK/kernel$s"; done; }
as_before() { # S...
    for s in "$@"; do
        kernel "$s" >"$WORK/kernel$s.now"
        diff "$WORK/kernel$s" "$WORK/kernel$s.now" || fail "site $s is not as it was"
    done
}
# A prefix behind site two that holds the server: every other site loses its way to it.
swallow() { ctl site update two --network net --prefix 192.168.2.0/24 --prefix "${1:-198.51.100.0/24}"; }
mend() { ctl site update two --network net --prefix 192.168.2.0/24; }

site 1 ip route add 10.97.0.0/16 dev lo protocol static
site 1 ip rule add from 10.97.0.1 lookup 1234 priority 4001
site 1 nft add table inet patronus-foreign
remember
stream_start 1 3
swallow
ctl bundle publish --network net
for s in 1 3; do
    within 11 ended "$s" 2 reverted || fail "site $s did not go back: $(state "$s" .outcome)"
    [[ $(state "$s" .outcome.reason) == 'server unreachable for 6 s after the change'* ]] || fail "another reason: $(state "$s" .outcome)"
    within 5 answered "$s" || fail "site $s does not reach the server"
done
as_before 1 3
shown 'two sites lost the server by a change, undid it, and are exactly as they were'
read -r sent lost < <(stream_stop 1 3)
((sent > 200 && lost == 0)) || fail "$lost of $sent packets were lost meanwhile"
shown "$sent packets between these sites meanwhile, none lost"

mend
publish net
swallow
ctl bundle publish --network net 2>"$WORK/warned"
for name in one three; do
    grep -q "site \`$name\` undid the same as version 2" "$WORK/warned" || fail "no warning of $name: $(<"$WORK/warned")"
done
refused() { [[ $(state "$1" .outcome.reason) == *'the same was tried here as version 2'* ]]; }
for s in 1 3; do within 5 refused "$s" || fail "site $s tries it again: $(state "$s" .outcome)"; done
as_before 1 3
shown 'the same under another number is refused'

mend
publish net
# Site three is silent in the middle of the next change, and had its say before.
ctl site update two --network net --prefix 192.168.2.0/24 --prefix 192.168.22.0/24
kill -STOP "${AGENT_PID[3]}"
ctl bundle publish --network net
within 5 ended 1 6 applied || fail "site 1 waits for a site that says nothing: $(state 1 .outcome)"
kill -CONT "${AGENT_PID[3]}"
within 10 ended 3 6 applied || fail "site 3 does not catch up: $(state 3 .outcome)"
shown 'a site that is busy stands in no other'"'"'s way'

remember
swallow 198.51.100.0/25
ctl bundle publish --network net
swallowed() { site "$1" ip -o route show | grep -q '^198.51.100.0/25'; }
within 5 swallowed 1 || fail 'site 1 does not try the change'
stop_agent 1 KILL
stop_server
start_agent 1
undone() { ! swallowed 1; }
within 5 undone || fail 'site 1 keeps what had not proven itself'
as_before 1
shown 'killed in the middle of its proof, the agent comes back with what ran before, without any server'

start_server
reason() { [[ $(state 1 .outcome.reason) == 'server unreachable for 6 s'* ]]; }
within 20 reason || fail "site 1 does not try it again to its end: $(state 1 .outcome)"
within 5 answered 1 || fail 'site 1 does not reach the server'
as_before 1
shown 'it is tried once more then, and undone for its own fault'
