#!/usr/bin/env bash
# A site's keys are replaced under traffic, and nothing of it is lost.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1,2
# shellcheck source=tests/lab/flow.sh
. "$here/flow.sh"
begin
ctl apply -f - <<'YAML'
{kind: network, name: net}
---
{kind: site, name: one, network: net, prefixes: [192.168.1.0/24], endpoints: [203.0.113.1]}
---
{kind: site, name: two, network: net, prefixes: [192.168.2.0/24], endpoints: [203.0.113.2]}
---
kind: site
name: three
network: net
prefixes: [192.168.3.0/24]
uplinks:
  - {name: fibre, endpoint: 203.0.113.3, device: up1, gateway: 203.0.113.254}
  - {name: lte, endpoint: 192.0.2.3, device: up2, gateway: 192.0.2.254, cost: 200}
YAML
join net 1 one 2 two 3 three
publish net
for pair in '1 2' '2 3' '3 1'; do
    # shellcheck disable=SC2086
    within 10 reaches $pair || fail "no way for $pair"
done

key() { site "$1" wg show pt000 public-key; }
knows() { site "$1" wg show all peers | grep -qF "$2"; } # S KEY
# Which of the tunnels between two uplinks carries traffic is the measuring's to say.
ways() { for s in 1 2 3; do site "$s" ip route show proto 80 | sed 's/ dev pt0[0-3][0-3] / dev pt0.. /' | sort; done; }
no_spare() { ! interfaces "$1" | grep -qx pt0s; }

# Tunnels made by hand between one and two, whose key at one is replaced as quickly as a script can.
hand_write() { # DEV PORT NET
    local s far
    for s in 1 2; do
        far=$((3 - s))
        (umask 077; mkdir -p "$WORK/$1-$s"; cat >"$WORK/$1-$s/$1.conf") <<EOF
[Interface]
PrivateKey = $(<"$WORK/$1-$s.key")
ListenPort = $2
Address = $3.$s/24
[Peer]
PublicKey = $(<"$WORK/$1-$far.pub")
Endpoint = 203.0.113.$far:$2
AllowedIPs = $3.$far/32
EOF
    done
}
declare -A HAND=([sync]='51900 10.98.0' [quick]='51950 10.99.0')
for dev in sync quick; do
    for s in 1 2; do hand_key "$dev" "$s"; done
    # shellcheck disable=SC2086
    hand_write "$dev" ${HAND[$dev]}
    for s in 1 2; do hand_up "$dev" "$s" 2>>"$WORK/log/$dev.log"; done
    flow "$dev" "${HAND[$dev]#* }.2" site 1
done
hand_rotate() {
    for dev in sync quick; do
        hand_key "$dev" 1
        # shellcheck disable=SC2086
        hand_write "$dev" ${HAND[$dev]}
    done
    for s in 1 2; do
        hand_sync sync "$s" &
        { site "$s" wg-quick down "$WORK/quick-$s/quick.conf"; hand_up quick "$s"; } 2>>"$WORK/log/quick.log" &
    done
}

old=$(key 1)
before=$(ways)
for pair in '1 2' '2 3' '3 1'; do
    flow "$pair" "192.168.${pair#* }.2" host "${pair% *}"
done
hand_rotate
ctl site rotate-key one --network net --wait --wait-timeout $((120 * PATIENCE)) || fail "it does not end: $(ctl site describe one --network net)"
new=$(key 1)
[[ $new != "$old" && $(asked one .public_key) == "$new" ]] || fail "site one has the key $new, and had $old"
for s in 2 3; do
    within 10 knows "$s" "$new" || fail "site $s does not know the new key"
    ! knows "$s" "$old" || fail "site $s knows the old key still"
done
for s in 1 2 3; do within 10 no_spare "$s" || fail "site $s still has the spare tunnel"; done
for pair in '1 2' '2 3' '3 1'; do
    IFS='|' read -r sent lost moved <<<"$(flowed "$pair")"
    # On a slow machine packets wait in the old tunnel while others go by the new one.
    ((sent > 200 && lost == 0 && (moved == 0 || PATIENCE > 1))) ||
        fail "$lost of $sent packets between ${pair/ / and } lost, $moved out of order"
    shown "$sent packets between ${pair/ / and } while the keys of one were replaced, none lost, $moved out of order"
done
for dev in sync quick; do
    IFS='|' read -r sent lost _ <<<"$(flowed "$dev")"
    ((sent > 200)) || fail "the stream beside it has $sent packets"
    shown "a key replaced by $([[ $dev == sync ]] && echo 'wg syncconf' || echo 'wg-quick down and up') beside it: $lost of $sent packets lost"
done
[[ $(ways) == "$before" ]] || fail "the routes are others than before: $(ways)"
kinds=$(server patronusctl bundle list --network net -o json | jq -r '[.[].kind] | join(" ")')
[[ $kinds == 'rotation rotation rotation publish' ]] || fail "other releases: $kinds"
