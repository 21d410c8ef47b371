#!/usr/bin/env bash
# An operator's own WireGuard configuration is uploaded, runs, and stays until the site is compiled again.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1
begin
ctl apply -f - <<'YAML'
{kind: network, name: own}
---
{kind: site, name: one, network: own, prefixes: [192.168.1.0/24], endpoints: [203.0.113.1]}
---
{kind: site, name: two, network: own, prefixes: [192.168.2.0/24], endpoints: [203.0.113.2]}
YAML
join own 1 one 2 two
publish own
within 10 reaches 1 2 || fail 'the compiled bundles do not work'

# The same peers, and one more that only this operator knows.
stranger=$(wg genkey | wg pubkey)
mkdir "$WORK/upload"
cat >"$WORK/upload/tunnel.conf" <<CONF
[Interface]
Address = 10.210.0.1/32
ListenPort = $(site 1 wg show pt000 listen-port)

[Peer]
PublicKey = $(site 1 wg show pt000 peers)
Endpoint = $(site 1 wg show pt000 endpoints | cut -f2)
AllowedIPs = 10.210.0.2/32, 192.168.2.0/24

[Peer]
PublicKey = $stranger
AllowedIPs = 10.210.9.9/32
CONF
tar -C "$WORK/upload" -czf "$WORK/upload.tar.gz" tunnel.conf
stream_start 1 2
ctl bundle upload "$WORK/upload.tar.gz" --network own --site one --wait
read -r sent lost < <(stream_stop 1 2)
((sent > 0 && lost == 0)) || fail "$lost of $sent packets lost by the upload"
site 1 wg show pt000 peers | grep -qF "$stranger" || fail 'the uploaded peer is not there'
shown "an upload is applied in place: $sent packets, none lost"

ctl site update two --location elsewhere --prefix 192.168.2.0/24 --prefix 172.21.0.0/16
publish own
site 1 wg show pt000 peers | grep -qF "$stranger" || fail 'publishing overwrote the upload'
shown 'the site stays on its upload when others are published'
publish own --compiled
forgotten() { ! site 1 wg show pt000 peers | grep -qF "$stranger"; }
within 5 forgotten || fail 'the upload is still there'
shown 'publish --compiled takes it back'

for line in 'PostUp = true' 'SaveConfig = true' "PrivateKey = $(wg genkey)"; do
    sed "2a $line" "$WORK/upload/tunnel.conf" >"$WORK/bad.conf"
    tar -C "$WORK" -czf "$WORK/bad.tar.gz" bad.conf
    if ctl bundle upload "$WORK/bad.tar.gz" --network own --site one 2>"$WORK/said"; then fail "accepted: $line"; fi
    grep -q "${line%% *}" "$WORK/said" || fail "the refusal does not name ${line%% *}: $(<"$WORK/said")"
done
shown 'what runs or leaks is refused by name'
