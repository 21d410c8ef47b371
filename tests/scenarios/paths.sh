#!/usr/bin/env bash
# What sites measure, as people see it at the server: the delay and the loss that the lab has, a path that dies, a server that
# starts anew.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 2,2
begin
ctl apply -f - <<'YAML'
{kind: network, name: net, paths: {interval_ms: 20, hold_s: 2}}
---
kind: site
name: one
network: net
prefixes: [192.168.1.0/24]
uplinks: [{name: fiber, endpoint: 203.0.113.1, device: up1, gateway: 203.0.113.254},
          {name: lte, endpoint: 192.0.2.1, device: up2, gateway: 192.0.2.254, cost: 200}]
---
kind: site
name: two
network: net
prefixes: [192.168.2.0/24]
uplinks: [{name: fiber, endpoint: 203.0.113.2, device: up1, gateway: 203.0.113.254},
          {name: lte, endpoint: 192.0.2.2, device: up2, gateway: 192.0.2.254, cost: 200}]
YAML
wan delay 1 1 50
wan loss 1 2 30
join net 1 one 2 two
publish net
within 15 reaches 1 2 || fail 'no way between the two'
paths() { server patronusctl path list --network net -o json "${@:2}" | jq -r "$1"; } # JQ OPTIONS...
all_there() { [[ $(paths 'length == 8 and all(.[]; .measured)') == true ]]; }
within 30 all_there || fail "not all paths are told: $(paths .)"
# Both ends measure as fast as they may while traffic flows, and an agent that stops tells what it has.
host 1 stream send 192.168.2.2:9000 50 32 >/dev/null

# What a path was like, added up over the while: FIELD of all paths that JQ chooses, weighed by their seconds.
mean() { # FIELD JQ
    local id
    for id in $(paths ".[] | select($2) | .id"); do
        server patronusctl path health "$id" --network net --since 25s -o json
    done | jq -s "flatten | map(select(.$1 != null)) | (map(.$1 * .seconds) | add) / (map(.seconds) | add) * 1000 | round"
}
told() { # the newest while is in it
    local now
    now=$(server patronusctl path health one/fiber..two/fiber --network net --since 25s -o json | jq 'map(.seconds) | add')
    [[ $now != null ]] && ((now >= 15))
}
within 60 told || fail 'what paths were like does not come'
slow='.source_uplink == "fiber" and .source_site == "one" or .dest_uplink == "fiber" and .dest_site == "one"'
lossy=${slow//fiber/lte}
delay=$(mean latency_ms "($slow) and ([.source_uplink, .dest_uplink] | index(\"lte\") | not)")
((delay >= 90000 && delay <= 110000)) || fail "$delay µs where the lab has 100 ms: $(paths .)"
loss=$(mean packet_loss_pct "$lossy")
((loss >= 27000 && loss <= 33000)) || fail "$loss thousandths of a percent where the lab loses 30 %: $(paths .)"
shown "path health tells a round trip of $((delay / 1000)) ms where the lab has 100, and a loss of $((loss / 1000)) % where it has 30"
wan clear 1 2
server patronusctl path watch --network net --site one -o json >"$WORK/watch" 2>"$WORK/watch.err" &
watcher=$!
seen_down() { [[ $(jq -s 'map(select(.dest_uplink == "fiber" and .status == "down")) | length >= 2' "$WORK/watch") == true ]]; }
within 15 grep -q fiber "$WORK/watch" || fail "watch does not tell how paths are: $(cat "$WORK/watch" "$WORK/watch.err")"
# The far end's uplink: a site whose own way to the server is dead tells later.
wan blackhole 2 1
down() { [[ $(paths '[.[] | select(.source_site == "one" and .dest_uplink == "fiber")] | length == 2 and all(.[]; .status == "down" and (.classes[0].used | not))') == true ]]; }
within 15 down || fail "the dead paths are not told: $(paths .)"
server patronusctl path why one two --network net --dport 443 >"$WORK/why"
says() { grep -q "$1" "$WORK/why" || fail "why: $(cat "$WORK/why")"; }
says '^takes [a-z]* to lte'
says 'not fiber to fiber.*: nothing is heard on it'
within 15 seen_down || fail "watch does not tell of the dead paths: $(cat "$WORK/watch" "$WORK/watch.err")"
shown 'a dead path is told within seconds, also to who watches, and why another one is taken'
wan clear 2 1

stop_server
within 15 grep -q 'does not answer' "$WORK/watch.err" || fail 'watch does not tell that the server is away'
start_server
within 15 grep -q 'answers again' "$WORK/watch.err" || fail "watch does not outlive the server: $(cat "$WORK/watch.err")"
kill "$watcher"
ctl path list --network net --site one -o wide
[[ $(paths length) == 8 ]] || fail "a server that starts anew knows $(paths length) paths"
shown 'a server that starts anew knows how paths did'
