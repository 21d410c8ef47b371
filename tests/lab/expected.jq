# What the kernel shall hold for a bundle of a site's first network: the same lines as seen.jq makes from what it does hold.

def interface: "pt0\(.local)\(.remote)";
# The far end's uplink by which a peer is on a tunnel, as 'endpoint' with the port of the local uplink.
def moved($local): capture("^(?<host>.*):(?<port>[0-9]+)$") | "\(.host):\((.port | tonumber) + $local)";

# The tunnel that carries a peer's traffic: the cheapest, of equals the first; blind ones last.
def carrier($all; $peer):
    [$all.tunnels[] | select(.remote < ($peer.uplinks | length)) | . as $tunnel
        | $all.uplinks[$tunnel.local] as $near | $peer.uplinks[$tunnel.remote] as $far
        | {rank: [($far.endpoint == null and $near.keepalive_s != 0), $near.cost + $far.cost, $tunnel.local, $tunnel.remote], name: interface}]
    | min_by(.rank).name;

. as $all
| ($all.addresses[0]) as $source
| (.tunnels[] | . as $tunnel | interface as $name
    | "tunnel \($name) mtu \($all.mtu) port \($tunnel.port) key \($all.uplinks[.local].public_key)",
      "address \($name) \($all.addresses[])",
      ($all.peers[] | select($tunnel.remote < (.uplinks | length)) | . as $peer | .uplinks[$tunnel.remote]
        | "peer \($name) \(.public_key) keepalive \(.keepalive_s // $all.uplinks[$tunnel.local].keepalive_s)",
          "peer \($name) \(.public_key) allowed \($peer.allowed_ips[])",
          # What has moved by itself knows best.
          (if $peer.name | startswith("ghost") then "peer \($name) \(.public_key) at \(.endpoint | moved($tunnel.local))" else empty end))),
  (.peers[] | . as $peer | .allowed_ips[]
    | "route main \(.) dev \(carrier($all; $peer)) src \($source)", "route main \(.) unreachable 9999"),
  ([.tunnels[].local] | unique[] | . as $local | ($all.tunnels[0].port + 4 * $local) as $first
    | $all.uplinks[$local] as $uplink
    | "rule \(4000 + $local) ports \($first)-\($first + 3) table \(20300 + $local)",
      "route \(20300 + $local) default dev \($uplink.device) via \($uplink.gateway // $gateways[$local])")
