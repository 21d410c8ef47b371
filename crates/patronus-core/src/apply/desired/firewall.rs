//! TCP within the tunnels' MTU: where ICMP is filtered a flow otherwise stands still.

use super::Desired;

/// Each side clamps what it sends, so both directions are covered.
pub(super) fn add(desired: &mut Desired) {
    if desired.tunnels.is_empty() {
        return;
    }
    let prefix = desired.owner.interface_prefix();
    let clamp = format!("oifname \"{prefix}*\" tcp flags syn tcp option maxseg size set rt mtu;");
    desired.firewall = Some(format!(
        "\tchain clamp_forward {{ type filter hook forward priority mangle; policy accept; {clamp} }}\n\
         \tchain clamp_output {{ type filter hook output priority mangle; policy accept; {clamp} }}\n"
    ));
}
