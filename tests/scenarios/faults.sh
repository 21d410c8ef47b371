#!/usr/bin/env bash
# Broken bundles, each signed as the server would and brought to a site, with the server up and with it down: the site is
# as it was, and reachable as it was, within the network's timeout and 5 s. The harness looks, not the agent.

# The rows of all parts as one table.
together() { # FILE...
    local proving
    printf '%-44s %-6s %-9s %8s  %s\n' 'broken bundle' server 'caught by' seconds 'what the site says'
    cat "$@" | sed -n 's/^row //p' | sort -t '|' -k 1,1n -k 3,3r |
        awk -F '|' '{ printf "%-44s %-6s %-9s %8s  %s\n", $2, $3, $4, $6, $7 }'
    for server in up down; do
        # Only where the harness saw that the kernel held something else meanwhile.
        proving=$(cat "$@" | grep -c "^row .*|$server|proving|yes|") || true
        echo "shown: with the server $server, $proving bundles had changed the kernel and had to prove themselves"
        if ((proving < 20)); then
            echo "FAILED: $proving bundles reach proving with the server $server, at least 20 must" >&2
            return 1
        fi
    done
}
# shellcheck source=tests/lab/side-by-side.sh
. "$(dirname "$(readlink -f "$0")")/../lab/side-by-side.sh" 6
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 2,2,1
# shellcheck source=tests/lab/forge.sh
. "$here/forge.sh"

TIMEOUT_MS=10000
begin
ctl apply -f - <<'YAML'
# Traffic that fled from a path returns as soon as that is good again, so that a site is soon as it was.
{kind: network, name: net, range: 10.210.0.0/24, confirm: {timeout_s: 5}, paths: {hold_s: 1}}
---
kind: site
name: one
network: net
prefixes: [192.168.1.0/24]
uplinks:
  - {name: far, endpoint: 192.0.2.1, device: up2, gateway: 192.0.2.254}
---
kind: site
name: two
network: net
prefixes: [192.168.2.0/24]
uplinks:
  - {name: near, endpoint: 203.0.113.2, device: up1, gateway: 203.0.113.254, cost: 20}
  - {name: far, endpoint: 192.0.2.2, device: up2, gateway: 192.0.2.254, cost: 10}
---
{kind: site, name: three, network: net, prefixes: [192.168.3.0/24], endpoints: [203.0.113.3]}
YAML
join net 1 one 2 two 3 three
publish net
NAMES=([1]=one [2]=two [3]=three)
take_bundles net 1 one two three
STRANGER=$(wg genkey | wg pubkey)
minisign -G -W -p "$WORK/other.pub" -s "$WORK/other.key" >/dev/null
for s in 1 2 3; do plant_foreign "$s"; done
# The providers here drop fragments, as many do.
nft -f - <<'NFT'
table bridge fragments {
    chain dropped {
        type filter hook prerouting priority 0
        ip frag-off & 0x3fff != 0 drop
    }
}
NFT
site 1 bash -c 'wireguard-go foreign0 >/dev/null 2>&1 && wg set foreign0 listen-port 40000 && ip link set foreign0 up'

# Only from the site itself: what it sends makes no far end send first, which would tell a wrong endpoint the right one.
reachable() { # S
    local far
    for far in 1 2 3; do
        if ((far != $1)); then reaches "$1" "$far" || return 1; fi
    done
    site "$1" ping -n -q -c 1 -W 1 patronus.example >/dev/null
}
for s in 1 2 3; do within 15 reachable "$s" || fail "site $s does not reach all others"; done

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

version=1
number=0
server=up
# Brings a broken bundle to site S; WORDS must stand in what the site says.
fault() { # NAME S WORDS EDIT FORGE-OPTIONS...
    local name=$1 s=$2 words=$3 edit=$4
    shift 4
    number=$((number + 1))
    if ((number % PARTS != PART)); then return; fi
    version=$((version + 1))
    # Another cost for all, so that no two are the same.
    jq --arg stranger "$STRANGER" --argjson version "$version" '
        def two: .peers[] | select(.name == "two");
        def three: .peers[] | select(.name == "three");
        .uplinks[].cost += $version | '"$edit" "$BUNDLES/${NAMES[s]}.json" >"$WORK/content.json"
    forged "${NAMES[s]}" "$version" "$WORK/content.json" "$@"
    bring "$name" "$s" "$words"
}

# A wrong endpoint, where the far end measures the path and so tells the right one before the proof is over: nothing is lost.
heals() { # NAME S EDIT
    number=$((number + 1))
    if ((number % PARTS != PART)); then return; fi
    version=$((version + 1))
    jq --argjson version "$version" '
        def three: .peers[] | select(.name == "three");
        .uplinks[].cost += $version | '"$3" "$BUNDLES/${NAMES[$2]}.json" >"$WORK/content.json"
    forged "${NAMES[$2]}" "$version" "$WORK/content.json"
    if ! apply_file "$2" "${NAMES[$2]}-$version" >"$WORK/said" 2>&1; then
        complain "$1 (server $server): the far end did not tell the right one: $(<"$WORK/said")"
    fi
    within 10 reachable "$2" || complain "$1 (server $server): site $2 does not reach all others"
    echo "shown: $1, server $server: the far end tells the right one"
    mend "$2"
}

# The same where only the server can miss anything.
seen_by_server() {
    if [[ $server == up ]]; then fault "$@"; else number=$((number + 1)); fi
}

# One that fails does not hide the others.
wrong=0
complain() {
    echo "FAILED: $*" >&2
    wrong=$((wrong + 1))
}

# The last fault is over for this site too: no traffic is about to return to a path.
settled() { # S
    [[ $(state "$1" '.paths | all(.[]; .used or (.reason | test("cost more|no better")))') == true ]]
}

bring() { # NAME S WORDS
    local what="$1 (server $server)" s=$2 words=$3 bundle=${NAMES[$2]}-$version files began took late='' said touched=no
    within 20 settled "$s" || fail "$what: site $s does not settle before it: $(state "$s" .paths)"
    remember "$s"
    files=$(files "$s")
    began=$(now_ms)
    apply_file "$s" "$bundle" >"$WORK/said" 2>&1 &
    local applying=$!
    until grep -q 'proves it' "$WORK/said" || ! kill -0 "$applying" 2>/dev/null; do sleep 0.05; done
    if ! unchanged "$s"; then touched=yes; fi
    if wait "$applying"; then
        complain "$what: it was applied: $(<"$WORK/said")"
        mend "$s"
        return
    fi
    # Up to when it is looked at and all is there: looking takes time of its own.
    took=$(($(now_ms) - began))
    until unchanged "$s" && reachable "$s"; do
        late=$(<"$WORK/kernel$s.diff")
        took=$(($(now_ms) - began))
        if ((took > 2 * TIMEOUT_MS)); then fail "$what: site $s is not as it was: $(<"$WORK/kernel$s.diff") $(<"$WORK/said")"; fi
    done
    ((took <= TIMEOUT_MS)) || complain "$what: site $s was as before only after $took ms: ${late:-it did not reach all others}; $(<"$WORK/said")"
    [[ $(files "$s") == "$files" ]] || complain "$what: the agent's files are others: $(diff <(echo "$files") <(files "$s"))"
    foreign_is_there "$s" || complain "$what: what is foreign was touched"
    said=$(tail -n 1 "$WORK/said")
    grep -qE "$words" <<<"$said" || complain "$what: the cause is not named: $(<"$WORK/said")"
    printf 'row %d|%s|%s|%s|%s|%d.%01d|%s\n' "$number" "$1" "$server" "$(caught "$s")" "$touched" \
        $((took / 1000)) $((took % 1000 / 100)) "${said#error: }"
}

# Back to what is right, so that the next one begins from there.
mend() { # S
    version=$((version + 1))
    jq --argjson version "$version" '.uplinks[].cost += $version' "$BUNDLES/${NAMES[$1]}.json" >"$WORK/content.json"
    forged "${NAMES[$1]}" "$version" "$WORK/content.json"
    apply_file "$1" "${NAMES[$1]}-$version" >"$WORK/said" 2>&1 || fail "site $1 cannot be mended: $(<"$WORK/said")"
    within 10 reachable "$1" || fail "site $1 is not reachable again"
}

# The step that ended it.
caught() { # S
    case $(state "$1" '"\(.outcome.version) \(.outcome.result)"') in
        "$version reverted") echo proving ;;
        "$version failed") echo applying ;;
        *) echo verifying ;;
    esac
}

# Spoiled after it was signed.
spoiled() { # NAME WORDS COMMAND...
    number=$((number + 1))
    if ((number % PARTS != PART)); then return; fi
    version=$((version + 1))
    forged one "$version" "$BUNDLES/one.json"
    (cd "$BUNDLES" && "${@:3}" "one-$version.tar.gz" "one-$version.tar.minisig")
    bring "$1" 1 "$2"
}
truncated() { truncate -s -200 "$1"; }
unsigned() { : >"$2"; }
other_signature() { sed -i '3s/version=[0-9]*/version=77/' "$2"; }
padded() { echo >>"$1"; }

# shellcheck disable=SC2016  # $stranger is for jq
faults() {
    number=0
    heals 'endpoint of one peer: nobody there' 1 '(three).uplinks[0].endpoint = "203.0.113.77:51820"'
    heals 'endpoint of one peer: wrong port' 1 '(three).uplinks[0].endpoint = "203.0.113.3:9"'
    heals 'endpoint of one peer: another site' 1 '(three).uplinks[0].endpoint = "203.0.113.2:51820"'
    heals 'endpoint of one peer: a black hole' 1 '(three).uplinks[0].endpoint = "198.51.100.99:51820"'
    heals 'endpoint of one peer: the site itself' 1 '(three).uplinks[0].endpoint = "192.0.2.1:51820"'
    heals 'endpoint of one peer: loopback' 1 '(three).uplinks[0].endpoint = "127.0.0.1:51820"'
    heals 'endpoint of one peer: the server' 1 '(three).uplinks[0].endpoint = "198.51.100.10:51820"'
    heals 'endpoint of one peer: wrong IPv6' 1 '(three).uplinks[0].endpoint = "[2001:db8:1::77]:51820"'
    fault 'endpoint of one peer and its key' 1 'silent.*three' '(three).uplinks[0] |= (.endpoint = "gone.invalid:51820" | .public_key = $stranger)'
    heals 'endpoints of all peers: wrong ports' 3 '.peers[].uplinks[].endpoint |= sub(":.*"; ":40001")'
    heals 'endpoints of all peers: nobody there' 3 '.peers[].uplinks[].endpoint = "203.0.113.77:51820"'
    fault 'key of one peer' 1 'silent.*three' '(three).uplinks[0].public_key = $stranger'
    fault 'keys of two peers swapped' 3 'silent.*one' '
        [.peers[].uplinks[0].public_key] as $keys | .peers[0].uplinks[0].public_key = $keys[1] | .peers[1].uplinks[0].public_key = $keys[0]'
    fault 'keys of the uplinks of a peer swapped' 1 'silent.*two' '
        [(two).uplinks[].public_key] as $keys | (two).uplinks[0].public_key = $keys[1] | (two).uplinks[1].public_key = $keys[0]'
    fault 'what two peers may send is swapped' 3 'silent' '
        [.peers[].allowed_ips] as $ranges | .peers[0].allowed_ips = $ranges[1] | .peers[1].allowed_ips = $ranges[0]'
    fault 'a peer with another overlay address' 1 'silent.*three' '(three) |= (.addresses = ["10.210.0.99"] | .allowed_ips[0] = "10.210.0.99/32")'
    fault 'a peer without any address to route' 1 'silent.*three' '(three).allowed_ips = []'
    fault 'a peer without its overlay address' 1 'silent.*three' '(three).allowed_ips = ["192.168.3.0/24"]'
    fault 'own overlay address: another' 1 'silent' '.addresses = ["10.210.0.99"]'
    fault 'no tunnels' 1 '2 of 2 peers silent' '.tunnels = []'
    fault 'one tunnel is missing' 1 'silent.*three' '.tunnels |= map(select(.remote != 0))'
    fault 'tunnels to an uplink that nobody has' 1 'silent' '.tunnels |= map(.remote = 3)[:1]'
    fault 'key of one peer, from a site with one uplink' 3 'silent.*one' '.peers[0].uplinks[0].public_key = $stranger'
    fault 'keys of all peers' 3 '2 of 2 peers silent' '.peers[0].uplinks[].public_key = $stranger | .peers |= [.[0]] + [.[1] | .uplinks[].public_key |= ("AA" + .[2:])]'
    fault 'a peer with another overlay address, from there' 3 'silent.*one' '.peers[0] |= (.addresses = ["10.210.0.99"] | .allowed_ips[0] = "10.210.0.99/32")'
    fault 'a peer without its overlay address, from there' 3 'silent.*one' '.peers[0].allowed_ips = ["192.168.1.0/24"]'
    fault 'own overlay address: another, from there' 3 'silent' '.addresses = ["10.210.0.99"]'
    fault 'no tunnels, from there' 3 '2 of 2 peers silent' '.tunnels = []'
    fault 'mtu 2000' 3 'silent' '.mtu = 2000'
    fault 'mtu 8920' 1 'silent' '.mtu = 8920'
    fault 'mtu 1500' 3 'silent' '.mtu = 1500'
    fault 'mtu 1450' 1 'silent' '.mtu = 1450'
    # A far end on the same wire may go on being reached: wireguard-go sends by where the last packet came from.
    fault 'uplink: the device of the LAN' 1 'silent.*three' '.uplinks[0].device = "lan0"'
    fault 'uplink: a device that does not exist' 1 'no device eth9 here, and device up2' '.uplinks[0].device = "eth9"'
    fault 'uplink: a gateway that does not exist' 1 'silent.*three' '.uplinks[0].gateway = "192.0.2.77"'
    fault 'uplinks: devices that do not exist' 2 'no device eth8 here, and device up1' '.uplinks[0].device = "eth8" | .uplinks[1].device = "eth9"'
    fault 'uplink that carries: wrong gateway' 2 'silent' '.uplinks[1].gateway = "192.0.2.77"'
    fault 'prefix: the underlay' 3 'another program has a route' '(two).allowed_ips += ["203.0.113.0/24"]'
    # Peers cannot tell that the way to the server is lost.
    seen_by_server 'prefix: the server, /24' 3 'server' '(two).allowed_ips += ["198.51.100.0/24"]'
    seen_by_server 'prefix: the server, /25' 3 'server' '(two).allowed_ips += ["198.51.100.0/25"]'
    seen_by_server 'prefix: the server, /32' 3 'server' '(two).allowed_ips += ["198.51.100.10/32"]'
    seen_by_server 'prefix: an eighth of all addresses' 3 'server' '(two).allowed_ips += ["192.0.0.0/3"]'

    fault 'not accepted: the server in a prefix' 3 'loses-server' '(two).allowed_ips += ["198.51.100.0/24"]' --careful
    fault 'not accepted: no peers' 1 'removes-peers' '.peers = []' --careful
    fault 'own key: another' 1 'enrolled' '.uplinks[0].public_key = $stranger'
    fault 'another site' 1 'site' '.site.id |= (.[:-1] + if endswith("0") then "1" else "0" end)'
    fault 'another network' 1 'network' '.network.id |= (.[:-1] + if endswith("0") then "1" else "0" end)'
    fault 'format 2' 1 'format 2' '.format = 2'
    fault 'an unknown field' 1 'unknown field' '.surprise = 1'
    fault 'mtu 576' 1 'mtu 576' '.mtu = 576'
    fault 'keepalive that is no number of seconds' 1 99999 '.uplinks[0].keepalive_s = 99999'
    fault 'two tunnels on one port' 1 'port' '.tunnels[].port = .tunnels[0].port'
    fault 'a port that another program has' 1 'port 40000.*in use' '.tunnels[0].port = 40000'
    fault 'the port that probes come to' 1 'port' '.tunnels[0].port += 17'
    fault 'one range for two peers' 1 'there twice' '(two).allowed_ips += ["192.168.3.0/24"]'
    fault 'one key for two peers' 1 'used twice' '(two).uplinks[0].public_key = (three).uplinks[0].public_key'
    fault 'own overlay address: that of a peer' 1 "three.*site's own" '.addresses = (three).addresses'
    fault 'no overlay address' 1 'overlay address' '.addresses = []'
    fault 'no uplinks' 1 'uplinks' '.uplinks = []'
    fault 'a device that is a path' 1 'device' '.uplinks[0].device = "../up2"'
    fault 'signed by a stranger' 1 'key that this site trusts' . --key "$WORK/other.key"
    fault 'signed for another site' 1 'site' . --site "$(jq -r .site.id "$BUNDLES/two.json")"
    fault 'an older version' 1 'lower|older' . --version 0
    fault 'the same version, another content' 1 'version' . --version 1
    spoiled 'archive cut off' 'archive' truncated
    spoiled 'archive with something behind' 'archive' padded
    spoiled 'no signature' 'signature' unsigned
    spoiled 'signature for another version' 'signature' other_signature
}

faults
stop_server
server=down
down() { [[ $(state "$1" .contact.reachable) == false ]]; }
for s in 1 2 3; do within 10 down "$s" || fail "site $s does not notice that the server is down"; done
faults

# What is right goes through, and is not taken for what was before.
version=$((version + 1))
jq --argjson version "$version" '.uplinks[].cost += $version | .mtu = 1400' "$BUNDLES/one.json" >"$WORK/content.json"
forged one "$version" "$WORK/content.json"
remember 1
apply_file 1 "one-$version" || fail 'a bundle that is right is not applied'
if unchanged 1; then fail 'the harness does not see that the MTU changed'; fi
site 1 ip link show pt000 | grep -q 'mtu 1400' || fail 'a bundle that is right changed nothing'
((wrong == 0)) || fail "$wrong of the bundles above"
