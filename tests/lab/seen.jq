# What the kernel does hold, as expected.jq says it.
# --slurpfile of links, routes and rules as `ip -d -j` has them, --rawfile of `wg show all dump`.

def bare: if test("/") then . elif test(":") then . + "/128" else . + "/32" end;
($wg | split("\n") | map(split("\t"))) as $wg
| ($wg | map(select(length == 5)) | map({key: .[0], value: {key: .[2], port: .[3]}}) | from_entries) as $tunnels
| ($links[0][] | select(.ifname | test("^pt0"))
    | .ifname as $name | "tunnel \($name) mtu \(.mtu) port \($tunnels[$name].port) key \($tunnels[$name].key)",
      (.addr_info[] | select(.scope == "global") | "address \($name) \(.local)")),
  ($wg[] | select(length == 9) | "peer \(.[0]) \(.[1])" as $peer
    | "\($peer) keepalive \(if .[8] == "off" then 0 else .[8] end)",
      (.[4] | select(. != "(none)") | split(",")[] | "\($peer) allowed \(.)"),
      (if .[1] as $key | $ghosts | index([$key]) then "\($peer) at \(.[3])" else empty end)),
  ($routes[0][] | select(.protocol == "80")
    | if .table == "main" and .type == "unreachable" then "route main \(.dst | bare) unreachable \(.metric)"
      elif .table == "main" then "route main \(.dst | bare) dev \(.dev) src \(.prefsrc)"
      elif .type == "unicast" and .dst == "default" then "route \(.table) default dev \(.dev) via \(.gateway)"
      else empty end),
  ($rules[0][] | select(.protocol == "80" and .sport_start != null)
    | "rule \(.priority) ports \(.sport_start)-\(.sport_end) table \(.table)")
