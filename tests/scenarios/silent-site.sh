#!/usr/bin/env bash
# A site whose agent is away holds the replacing of keys open, keeps its tunnels, and is left behind only when somebody says so.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1,1
begin
plain_net 3

# The agent of three is away, its tunnels stay.
stop_agent 3
ctl site rotate-key one --network net
held() { [[ $(asked one '.rotation | "\(.phase) \([.waiting[].site] | sort | join(","))"') == "$1" ]]; }
within 30 held 'spare one,three' || fail "it is not held open: $(asked one .rotation)"
ctl site describe one --network net >"$WORK/described"
grep -q 'held open by.*three has not reported version 2 yet' "$WORK/described" || fail "not told: $(<"$WORK/described")"
{ reaches 1 3 && reaches 3 1; } || fail "who waits loses the tunnels"
shown 'a silent site holds it open, is named, and keeps its tunnels'
status=0
ctl site rotate-key one --network net --force 2>"$WORK/forced" || status=$?
{ ((status == 12)) && grep -q 'three' "$WORK/forced"; } || fail "left behind unasked: $(<"$WORK/forced")"
ctl site rotate-key one --network net --force --yes --wait --wait-timeout $((120 * PATIENCE))
reaches 1 2 || fail 'no way from one to two'
start_agent 3
within 30 reaches 3 1 || fail 'three does not come back'
# Its report names the key for its next spare tunnel.
reported() { [[ $(asked three '.running_version == .desired_version') == true ]]; }
within 10 reported || fail 'three does not report'
shown 'forced, it goes on without that site, which comes back with its agent'

stop_agent 3
stream_start 1 2
ctl site rotate-key two --network net
waits() { [[ $(asked two '.rotation | .phase == "spare" and any(.waiting[]; .site == "three")') == true ]]; }
within 20 waits || fail "it is not held open: $(asked two .rotation)"
start_agent 3
over() { [[ $(asked two .rotation) == null ]]; }
within 60 over || fail "it does not end: $(asked two .rotation)"
read -r sent lost < <(stream_stop 1 2)
((lost == 0)) || fail "$lost of $sent packets were lost"
for pair in '1 2' '2 3' '3 1'; do
    # shellcheck disable=SC2086
    within 5 reaches $pair || fail "no way for $pair"
done
shown "left alone, it ends when that site is back; $sent packets meanwhile, none lost"
