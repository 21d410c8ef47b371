# Two hundred changes in a row of one site's bundle, each to the bundle before it; a line each. Half of them are changes of
# the first peer, which carries the traffic, and half of a further one.
# --arg ghost KEY: the public key of the further peer. --arg other ADDRESS: where the first peer is reached too.

def toggle(value): if index([value]) then . - [value] else . + [value] end;
def port: sub(".*:"; "");

def carrying($which):
    .peers[0] as $peer
    | if $which == 0 then
        .peers[0].uplinks[0].endpoint |= (if startswith($other) then $peer.home else $other + ":" + port end)
      elif $which == 1 then .peers[0].uplinks[0].keepalive_s |= (if . == null then 20 else null end)
      elif $which == 2 then .peers[0].allowed_ips |= toggle("172.16.1.0/24")
      elif $which == 3 then .mtu |= (if . == 1420 then 1400 else 1420 end)
      else .peers[0].allowed_ips |= toggle("172.16.2.0/24")
      end;

def ghost: {name: "ghost", addresses: ["10.210.0.77"], allowed_ips: ["10.210.0.77/32"],
    uplinks: [{public_key: $ghost, endpoint: "203.0.113.77:51820", cost: 100}]};

def beside($which):
    if $which == 0 then .peers[1] = ghost
    elif $which == 1 then .peers[1].uplinks[0].endpoint = "203.0.113.78:51820"
    elif $which == 2 then .peers[1].allowed_ips += ["172.16.77.0/24"]
    else del(.peers[1])
    end;

.peers[0].home = .peers[0].uplinks[0].endpoint
| foreach range(200) as $i (.;
    .uplinks[0].cost += 1
    | ($i / 2 | floor) as $turn
    | if $i % 2 == 0 then carrying($turn % 5) else beside($turn % 4) end;
    del(.peers[0].home))
