#!/usr/bin/env bash
# A bundle verifies with the ordinary minisign, and an exported site comes up by hand with wg-quick.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1
begin
(umask 077; wg genkey >"$WORK/key")
ctl apply -f - <<YAML
{kind: network, name: mixed}
---
{kind: site, name: managed, network: mixed, prefixes: [192.168.1.0/24], endpoints: [203.0.113.1]}
---
kind: site
name: by-hand
network: mixed
prefixes: [192.168.2.0/24]
endpoints: ["203.0.113.2:51820"]
public_key: $(wg pubkey <"$WORK/key")
YAML
join mixed 1 managed
ctl bundle publish --network mixed --wait

ctl bundle download bundle/1/by-hand --network mixed --dir "$WORK/download"
cd "$WORK/download"
gunzip by-hand-v1.tar.gz
minisign -V -p "$WORK/server/signing.pub" -m by-hand-v1.tar || fail 'minisign does not accept the bundle'
printf x >>by-hand-v1.tar
if minisign -V -q -p "$WORK/server/signing.pub" -m by-hand-v1.tar 2>/dev/null; then
    fail 'minisign accepts a changed bundle'
fi
cd - >/dev/null
shown 'minisign accepts the bundle and refuses a changed one'

ctl bundle export bundle/1/by-hand --network mixed --format wg-quick --dir "$WORK/export"
conf=$(echo "$WORK"/export/*.conf)
grep -q '^# PrivateKey = ' "$conf" || fail 'no place for the private key in the export'
mkdir -m 700 "$WORK/wg"
sed "s|^# PrivateKey = .*|PrivateKey = $(<"$WORK/key")|" "$conf" >"$WORK/wg/wg0.conf"
chmod 600 "$WORK/wg/wg0.conf"
site 2 env WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go wg-quick up "$WORK/wg/wg0.conf"
within 10 reaches 2 1 || fail 'the exported site does not reach the managed one'
within 10 reaches 1 2 || fail 'the managed site does not reach the exported one'
site 2 wg-quick down "$WORK/wg/wg0.conf"
shown 'a site exported as wg-quick works with an ordinary wg-quick'
