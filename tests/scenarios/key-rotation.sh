#!/usr/bin/env bash
# A site's keys are replaced under traffic, and nothing of it is lost; a site whose agent is away holds that open, and is
# left behind only when somebody says so.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1,1
begin
ctl apply -f - <<'YAML'
{kind: network, name: net}
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

key() { site "$1" wg show pt000 public-key; }
knows() { site "$1" wg show pt000 peers | grep -qxF "$2"; } # S KEY
asked() { server patronusctl site get "$1" --network net -o json | jq -r "$2"; } # NAME JQ
no_spare() { ! interfaces "$1" | grep -qx pt0s; }

old=$(key 1)
stream_start 1 2
stream_start 3 1
ctl site rotate-key one --network net --wait --wait-timeout 120 || fail "it does not end: $(ctl site describe one --network net)"
new=$(key 1)
[[ $new != "$old" && $(asked one .public_key) == "$new" ]] || fail "site one has the key $new, and had $old"
for s in 2 3; do
    within 10 knows "$s" "$new" || fail "site $s does not know the new key"
    ! knows "$s" "$old" || fail "site $s knows the old key still"
done
for s in 1 2 3; do within 10 no_spare "$s" || fail "site $s still has the spare tunnel"; done
read -r sent lost < <(stream_stop 1 2)
((sent > 100 && lost == 0)) || fail "$lost of $sent packets from one to two were lost"
shown "$sent packets from one to two while the keys of one were replaced, none lost"
read -r sent lost < <(stream_stop 3 1)
((sent > 100 && lost == 0)) || fail "$lost of $sent packets from three to one were lost"
shown "$sent packets from three to one meanwhile, none lost"
kinds=$(server patronusctl bundle list --network net -o json | jq -r '[.[].kind] | join(" ")')
[[ $kinds == 'rotation rotation rotation publish' ]] || fail "other releases: $kinds"

# The agent of three is away, its tunnels stay.
stop_agent 3
ctl site rotate-key one --network net
held() { [[ $(asked one '.rotation | "\(.phase) \([.waiting[].site] | sort | join(","))"') == "$1" ]]; }
within 30 held 'spare one,three' || fail "it is not held open: $(asked one .rotation)"
ctl site describe one --network net >"$WORK/described"
grep -q 'held open by.*three has not reported version 5 yet' "$WORK/described" || fail "not told: $(<"$WORK/described")"
{ reaches 1 3 && reaches 3 1; } || fail "who waits loses the tunnels"
shown 'a silent site holds it open, is named, and keeps its tunnels'
status=0
ctl site rotate-key one --network net --force 2>"$WORK/forced" || status=$?
{ ((status == 12)) && grep -q 'three' "$WORK/forced"; } || fail "left behind unasked: $(<"$WORK/forced")"
ctl site rotate-key one --network net --force --yes --wait --wait-timeout 120
reaches 1 2 || fail 'no way from one to two'
start_agent 3
within 30 reaches 3 1 || fail 'three does not come back'
shown 'forced, it goes on without that site, which comes back with its agent'
