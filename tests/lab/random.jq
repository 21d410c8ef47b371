# Random changes of one site's bundle, each to the last good one: a line each, {bad, content}. The same seed gives the same.
# --argjson seed NUMBER, --argjson count NUMBER
# --argjson ghosts [KEY, …]: the public keys of peers that come and go; --argjson strangers [KEY, KEY]: those that nobody has.

# Park and Miller's generator: its products have a place in jq's numbers.
def next: .seed |= (. * 16807 % 2147483647);

def toggle($value): if index([$value]) then . - [$value] else . + [$value] end;
def prefix($r): "172.16.\($r % 8).0/24";
def take($range): .peers[].allowed_ips -= [$range];
def give($name; $range): take($range) | (.peers[] | select(.name == $name)).allowed_ips += [$range];

def ghost($r): "ghost-\($r % ($ghosts | length))";
def born($r): ($r % ($ghosts | length)) as $which | {
    name: ghost($r), addresses: ["10.210.0.\(70 + $which)"], allowed_ips: ["10.210.0.\(70 + $which)/32"],
    uplinks: [{public_key: $ghosts[$which], endpoint: "203.0.113.\(70 + $r % 20):\(40000 + $r % 1000)", cost: ($r % 50)}]};

def change($which; $r):
    if $which == 0 then
        if any(.peers[]; .name == ghost($r)) then .peers |= map(select(.name != ghost($r)))
        else .peers = (.peers + [born($r)] | sort_by(.name)) end
    elif $which == 1 then (.peers[] | select(.name == ghost($r))).uplinks[0].endpoint = "203.0.113.\(70 + $r % 20):\(40000 + $r % 1000)"
    elif $which == 2 then if any(.peers[]; .name == ghost($r)) then give(ghost($r); prefix($r)) else . end
    elif $which == 3 then give("two"; prefix($r))
    elif $which == 4 then take(prefix($r))
    elif $which == 5 then .peers[$r % (.peers | length)].uplinks[0].keepalive_s = [null, 15, 20, 25][$r % 4]
    elif $which == 6 then .mtu = 1280 + $r % 141
    elif $which == 7 then .addresses |= (.[:1] + (.[1:] | toggle("10.210.0.\(200 + $r % 5)")))
    elif $which == 8 then .uplinks[$r % 2].cost = $r % 50
    elif $which == 9 then (.peers[] | select(.name == "two")).uplinks[$r % 2].cost = $r % 50
    elif $which == 10 then
        # All but the first: by one tunnel there must always be a way.
        [{local: 0, remote: 1}, {local: 1, remote: 0}, {local: 1, remote: 1}][$r % 3] as $pair
        | if any(.tunnels[]; del(.port) == $pair) then .tunnels |= map(select(del(.port) != $pair))
          else .tunnels = (.tunnels + [$pair + {port: (.tunnels[0].port + 4 * $pair.local + $pair.remote)}] | sort_by(.local, .remote)) end
    else .uplinks[$r % 2].keepalive_s = [0, 25][$r % 2]
    end;

{seed: $seed, content: .}
| foreach range($count) as $_ (.;
    next | .times = 1 + .seed % 3
    | reduce range(.times) as $_ (.; next | (.seed % 12) as $which | next | .seed as $r | .content |= change($which; $r))
    | next | .bad = (.seed % 50 == 0);
    {bad, content: (.bad as $bad | .content | if $bad then (.peers[] | select(.name == "two")).uplinks |= [
        .[0] + {public_key: $strangers[0]}, .[1] + {public_key: $strangers[1]}] else . end)})
