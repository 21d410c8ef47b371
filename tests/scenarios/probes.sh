#!/usr/bin/env bash
# What an operator says must answer decides too: a change after which only that does not answer is undone, by each site that
# asks for it; what did not answer before is told, and stands in no change's way.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1,1
begin
ctl apply -f - <<'YAML'
kind: network
name: net
confirm:
  timeout_s: 8
  probes:
    - {name: till, ping: 192.168.3.2, from: [one]}
    - {name: shop, tcp: "192.168.3.2:8080", from: [one]}
    - {name: site, http: "http://192.168.3.2:8080/", from: [role=branch]}
    - {name: gone, ping: 192.168.3.77, timeout_ms: 500, from: [one]}
---
{kind: site, name: one, network: net, prefixes: [192.168.1.0/24], endpoints: [203.0.113.1], labels: {role: branch}}
---
{kind: site, name: two, network: net, prefixes: [192.168.2.0/24], endpoints: [203.0.113.2]}
---
{kind: site, name: three, network: net, prefixes: [192.168.3.0/24], endpoints: [203.0.113.3]}
YAML
# http.server by itself would look up names first, and there is nobody to ask.
host 3 python3 -c 'import http.server, socketserver
socketserver.TCPServer(("192.168.3.2", 8080), http.server.SimpleHTTPRequestHandler).serve_forever()' >"$WORK/log/shop.log" 2>&1 &
SHOP=$!
trap 'told; kill "$SHOP" 2>/dev/null' EXIT
open() { host 3 bash -c '</dev/tcp/192.168.3.2/8080' 2>/dev/null; }
within 10 open || fail "the shop does not open: $(<"$WORK/log/shop.log")"

join net 1 one 2 two 3 three
publish net
within 10 reaches 1 3 || fail 'no way from site 1 to site 3'
state() { # S JQ
    site "$1" patronus-agent status --state "$WORK/site$1" -o json | jq -r ".networks[0].member | $2"
}
ended() { # S VERSION RESULT
    [[ $(state "$1" '"\(.outcome.version) \(.outcome.result)"') == "$2 $3" ]]
}

# With a first version nothing behind the tunnels answered before; with the second all is there.
ctl site update one --network net --location here
ctl site update two --network net --prefix 192.168.2.0/24 --prefix 192.168.22.0/24
publish net
warnings=$(site 1 patronus-agent status --state "$WORK/site1" -o json | jq -r '.networks[0].warnings[]')
[[ $warnings == 'probe gone did not pass before version 2 was applied'*'no answer from 192.168.3.77 within 500 ms' ]] ||
    fail "other warnings: $warnings"
shown 'a target that was down before is told, and stands in no way'

# The other sites are there, and so is the server: only what is behind site three is looked for behind site two.
take() { # PREFIX...: gives site two what is behind site three
    ctl site update three --network net --prefix 192.168.33.0/24
    ctl site update two --network net --prefix 192.168.2.0/24 --prefix 192.168.22.0/24 --prefix 192.168.3.0/24 "$@"
}
take
ctl bundle publish --network net
within 14 ended 1 3 reverted || fail "site 1 did not go back: $(state 1 .outcome)"
reason=$(state 1 .outcome.reason)
for said in 'probe till: ' 'probe shop: ' 'probe site: '; do
    [[ $reason == *"$said"* ]] || fail "nothing of $said: $reason"
done
[[ $reason != *server* && $reason != *silent* && $reason != *gone* ]] || fail "more than the probes: $reason"
within 5 ended 2 3 applied || fail "site 2 waits for probes of another: $(state 2 .outcome)"
shown "site 1 went back for its probes alone: $reason"

within 10 grep -q . <(ctl bundle get 3 --network net -o wide | grep -E '^one .*reverted.* proving ') ||
    fail "the release does not tell: $(ctl bundle get 3 --network net -o wide)"
ctl site describe one --network net | grep -q '^timings .*proven [0-9]* ms' || fail 'the site does not tell how long each part took'
shown 'the release and the site tell how it ended, where, and how long each part took'

# A release may have a time of its own.
ctl site update two --network net --prefix 192.168.2.0/24 --prefix 192.168.22.0/24
ctl site update three --network net --prefix 192.168.3.0/24
publish net
take --prefix 192.168.23.0/24
ctl bundle publish --network net --confirm-timeout 15
within 30 ended 1 5 reverted || fail "site 1 did not go back: $(state 1 .outcome)"
took=$(state 1 .outcome.timings.proven_ms)
((took >= 15000 && took < 17000)) || fail "it had $took ms to prove itself, and not 15 s"
shown 'a release has a time of its own to prove itself'
