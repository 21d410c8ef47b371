#!/usr/bin/env bash
# A change that cuts sites off is undone by the sites themselves, exactly, with the server up and while it is down; a change
# that waits for its proof when the power fails is undone too.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1,1
# shellcheck source=tests/lab/forge.sh
. "$here/forge.sh"
begin
plain_net 3 'confirm: {timeout_s: 6}'

ended() { # S VERSION RESULT
    [[ $(state "$1" '"\(.outcome.version) \(.outcome.result)"') == "$2 $3" ]]
}
answered() { [[ $(state "$1" .contact.reachable) == true ]]; }
# A prefix behind site two that holds the server: every other site loses its way to it.
swallow() { ctl site update two --network net --prefix 192.168.2.0/24 --prefix "${1:-198.51.100.0/24}"; }
mend() { ctl site update two --network net --prefix 192.168.2.0/24; }

# What is known to cost sites is not signed at all, until somebody says that it is meant.
refused() { # ARGUMENTS...
    local status=0
    ctl bundle publish --network net "$@" 2>"$WORK/said" || status=$?
    ((status == 12)) || fail "not refused, but status $status: $(<"$WORK/said")"
}
swallow
refused
for name in one three; do
    grep -q "site \`$name\`: what goes to the server 198.51.100.10 would go into the tunnel to two (198.51.100.0/24)" "$WORK/said" ||
        fail "nothing of $name: $(<"$WORK/said")"
done
grep -q -- '--accept-risk loses-server' "$WORK/said" || fail "no way on is named: $(<"$WORK/said")"
refused --accept-risk removes-peers
mend
# Forged past the server it gets no further.
take_bundles net 1 one
jq '.peers[0].allowed_ips += ["198.51.100.0/24"]' "$BUNDLES/one.json" >"$WORK/swallow.json"
forged one 2 "$WORK/swallow.json" --careful
if apply_file 1 one-2 >"$WORK/said" 2>&1; then fail "the agent takes what costs it the server: $(<"$WORK/said")"; fi
grep -q 'what goes to the server 198.51.100.10 would go into the tunnel to' "$WORK/said" || fail "for another reason: $(<"$WORK/said")"
[[ $(state 1 '"\(.outcome.result) \(.outcome.step) \(.highest_accepted)"') == 'refused verified 1' ]] || fail "another end: $(state 1 .outcome)"
shown 'a release that swallows the server is refused, each site named, and the flag that lets it through'

plant_foreign 1
remember 1 3
stream_start 1 3
swallow
# From here on it is meant.
ctl bundle publish --network net --accept-risk loses-server
[[ $(server patronusctl bundle get latest --network net -o json | jq -c .accept_risks) == '["loses-server"]' ]] || fail 'the release does not say what was accepted'
for s in 1 3; do
    within 11 ended "$s" 2 reverted || fail "site $s did not go back: $(state "$s" .outcome)"
    [[ $(state "$s" .outcome.reason) == 'server unreachable for 6 s after the change'* ]] || fail "another reason: $(state "$s" .outcome)"
    [[ $(state "$s" '"\(.outcome.step) \(.outcome.timings.proven_ms >= 6000)"') == 'proving true' ]] || fail "another step: $(state "$s" .outcome)"
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
ctl bundle publish --network net --accept-risk loses-server 2>"$WORK/warned"
for name in one three; do
    grep -q "site \`$name\` undid the same as version 2" "$WORK/warned" || fail "no warning of $name: $(<"$WORK/warned")"
done
tried_before() { [[ $(state "$1" .outcome.reason) == *'the same was tried here as version 2'* ]]; }
for s in 1 3; do within 5 tried_before "$s" || fail "site $s tries it again: $(state "$s" .outcome)"; done
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

remember 1
swallow 198.51.100.0/25
ctl bundle publish --network net --accept-risk loses-server
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
