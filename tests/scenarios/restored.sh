#!/usr/bin/env bash
# A server that was restored from before a site's keys were replaced: it tells nobody the dead ones, and can be mended.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1
begin
plain_net 2

stop_server
cp -a "$WORK/server" "$WORK/backup"
start_server
ctl site rotate-key one --network net --wait
stop_server
rm -r "$WORK/server"
mv "$WORK/backup" "$WORK/server"
stream_start 1 2
start_server
# Its agent refuses the old version that the server wants now, and reports.
refused() { [[ $(asked one '.last_outcome.result') == refused ]]; }
within 30 refused || fail "one says nothing of the old version: $(asked one .last_outcome)"

ctl apply -f - <<'YAML'
{kind: site, name: two, network: net, prefixes: [192.168.2.0/24, 172.20.0.0/16], endpoints: [203.0.113.2]}
YAML
status=0
ctl bundle publish --network net 2>"$WORK/refused" || status=$?
{ ((status == 12)) && grep -q 'site .one.: its agent has other keys' "$WORK/refused"; } || fail "published: $(<"$WORK/refused")"
shown 'a restored server does not publish keys that the agent no longer has'

ctl site rotate-key one --network net --wait
publish net
[[ $(asked one .desired_version) == "$(asked one .running_version)" ]] || fail 'one does not follow'
read -r sent lost < <(stream_stop 1 2)
((lost == 0)) || fail "$lost of $sent packets were lost"
shown "it takes over those that are there and replaces them; $sent packets meanwhile, none lost"
