#!/usr/bin/env bash
# kernel-vm.sh: runs a command on a distribution's stock kernel (real WireGuard, netem) in QEMU, without KVM.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: kernel-vm.sh [-d DIR] [-c CACHE] [-k PACKAGE] [-m MIB] [-p CPUS] [-t SECONDS] [-x MODULE]... -- COMMAND [ARG...]

Boots Debian's kernel with an initramfs made on the spot and runs COMMAND in it as root;
prints COMMAND's stdout and stderr and returns its exit status (124: time limit, 125: the VM failed).
  -d DIR      copied to /job in the VM, first on PATH, current directory there (binaries,
              scripts; dynamic ELF files in its top folder get their libraries too)
  -c CACHE    keep the kernel package here between runs (default: $LAB_VM_CACHE, else none)
  -k PACKAGE  kernel package, default linux-image-cloud-amd64 (Ubuntu: linux-image-virtual)
  -m MIB      memory, default 512        -p CPUS     processors, default 1
  -t SECONDS  limit for the whole run, default 120
  -x MODULE   load one more module before COMMAND
Loaded: wireguard veth bridge dummy tun nf_tables nft_* (ct, limit, nat, bridge, ...) sch_netem
sch_tbf sch_htb sch_ingress cls_u32 act_mirred act_police vrf overlay.
In the VM: busybox, bash, env, ip, tc, bridge, wg, nft, ping, iperf3, nsenter, unshare, setpriv,
wireguard-go (those that are installed here). No network card, no disk; nothing of this machine is visible.
Emulated: right or wrong can be seen here, never speed. Needs: scripts/setup kernel.
example: kernel-vm.sh -- sh -c 'ip link add wg0 type wireguard && wg show'
USAGE
}

die() { # STATUS MESSAGE...
    local status=$1
    shift
    echo "kernel-vm.sh: $*" >&2
    exit "$status"
}

# The kernel: downloaded and unpacked into DIR, never installed.
fetch_kernel() { # DIR
    local real version tmp_debs=$tmp/debs
    real=$(apt-cache depends "$pkg" 2>/dev/null | awk '/Depends: linux-image-(unsigned-)?[0-9]/ { print $2; exit }')
    real=${real:-$pkg}
    mkdir -p "$tmp_debs"
    echo "kernel-vm.sh: fetching $real" >&2
    (cd "$tmp_debs" && apt-get download -qq -o APT::Sandbox::User=root "$real") ||
        die 69 "$real cannot be downloaded: run apt-get update, or name another with -k"
    version=${real#linux-image-}
    version=${version#unsigned-}
    if apt-cache show "linux-modules-$version" >/dev/null 2>&1; then
        (cd "$tmp_debs" && apt-get download -qq -o APT::Sandbox::User=root "linux-modules-$version")
    fi
    # Beside its place first, so that a run that is stopped leaves no half kernel in the cache.
    local part=$1.part.$$ deb
    mkdir -p "$part"
    for deb in "$tmp_debs"/*.deb; do dpkg-deb -x "$deb" "$part"; done
    rm -rf "$1"
    mv "$part" "$1"
}

add_libs() { # FILE: copy the shared libraries of a dynamic ELF file
    local lib
    while read -r lib; do
        if [[ ! -e $root$lib ]]; then
            mkdir -p "$root${lib%/*}"
            cp -L "$lib" "$root$lib"
        fi
    done < <(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+' || true)
}
add_programs() {
    local t p
    for t in busybox bash env ip tc bridge wg nft ping iperf3 nsenter unshare setpriv wireguard-go; do
        if p=$(PATH=$PATH:/usr/sbin:/sbin command -v "$t"); then
            cp -L "$p" "$root/bin/$t"
            add_libs "$p"
        fi
    done
    # busybox' own sh would run its own ip, ping and env, whatever PATH says.
    if [[ -e $root/bin/bash ]]; then ln -s bash "$root/bin/sh"; fi
}
add_job() {
    local f
    cp -a "$dir/." "$root/job/"
    for f in "$dir"/*; do
        if [[ -f $f && -x $f ]]; then add_libs "$f"; fi
    done
}
add_module() { # NUMBER KO: numbered, so that the VM loads them in order
    local name=${2##*/}
    case $name in
        *.ko) cp "$2" "$root/mods/$1-$name" ;;
        *.ko.xz) xz -dc "$2" >"$root/mods/$1-${name%.xz}" ;;
        *.ko.zst) zstd -qdc "$2" >"$root/mods/$1-${name%.zst}" ;;
    esac
}
add_modules() {
    local m verb ko name seq n=0
    for m in "${mods[@]}"; do
        while read -r verb ko _; do
            name=${ko##*/}
            name=${name%%.ko*}.ko
            if [[ $verb == insmod && -z $(compgen -G "$root/mods/*-$name") ]]; then
                printf -v seq %03d "$n"
                add_module "$seq" "$ko"
                n=$((n + 1))
            fi
        done < <(modprobe -d "$moddir" -S "$ver" --show-depends "$m" 2>/dev/null || true)
    done
}
write_init() {
    cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /sbin
[ -e /bin/env ] || /bin/busybox ln -s ../sbin/env /bin/env
export PATH=/job:/bin:/sbin HOME=/root TERM=dumb
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/net
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mkdir -p /run/netns
ln -s ../run /var/run 2>/dev/null || { mkdir -p /var && ln -s ../run /var/run; }
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
for m in /mods/*.ko; do insmod "$m" 2>/dev/null; done
[ -c /dev/net/tun ] || mknod /dev/net/tun c 10 200
ip link set lo up
stty -F /dev/ttyS1 raw -echo 2>/dev/null
cd /job
if [ -x /bin/bash ]; then sh=/bin/bash; else sh=/bin/busybox; fi
set -- -c "$(cat /etc/command)"
if [ "$sh" = /bin/busybox ]; then set -- sh "$@"; fi
"$sh" "$@" </dev/null >/dev/ttyS1 2>&1
echo "rc=$?" >/dev/ttyS2
sync
poweroff -f
INIT
    chmod +x "$root/init"
}
make_initramfs() { # COMMAND...
    root=$tmp/root
    mkdir -p "$root"/{bin,sbin,proc,sys,dev,run,tmp,etc,root,job,mods,usr}
    ln -s ../bin "$root/usr/bin"
    ln -s ../sbin "$root/usr/sbin"
    add_programs
    if [[ -n $dir ]]; then add_job; fi
    add_modules
    printf '%q ' "$@" >"$root/etc/command"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    : >"$root/etc/hosts"
    # ip prints names from it
    printf '%s\n' 'icmp 1 ICMP' 'tcp 6 TCP' 'udp 17 UDP' 'ipv6-icmp 58 IPv6-ICMP' >"$root/etc/protocols"
    write_init
    (cd "$root" && find . | cpio -o -H newc --quiet) >"$tmp/initrd"
}

# Console, COMMAND's output and its exit status come by three serial ports.
run_vm() {
    local vm=0 rc
    : >"$tmp/rc"
    setpriv --pdeathsig TERM timeout --foreground "$limit" qemu-system-x86_64 -nodefaults -no-user-config -display none -net none \
        -accel tcg,thread=multi -cpu max -m "$mem" -smp "$cpus" -no-reboot \
        -serial "file:$tmp/console" -chardev stdio,id=out,signal=off -serial chardev:out -serial "file:$tmp/rc" \
        -kernel "$vmlinuz" -initrd "$tmp/initrd" \
        -append 'console=ttyS0 panic=-1 quiet mitigations=off random.trust_cpu=on' </dev/null 2>"$tmp/qemu.err" &
    qemu_pid=$!
    wait "$qemu_pid" || vm=$?
    qemu_pid=''
    rc=$(tr -d '\r' <"$tmp/rc" | sed -n 's/^rc=//p')
    if [[ -n $rc ]]; then exit "$rc"; fi
    if [[ $vm == 124 ]]; then echo "kernel-vm.sh: no end within $limit s" >&2; else vm=125; fi
    tail -n 20 "$tmp/console" "$tmp/qemu.err" >&2 || true
    exit "$vm"
}

# shellcheck disable=SC2317  # called by the trap
cleanup() {
    if [[ -n $qemu_pid ]]; then
        kill "$qemu_pid" 2>/dev/null || true
        wait "$qemu_pid" 2>/dev/null || true
    fi
    rm -rf "$tmp" "$kdir".part.$$
}

dir='' cache=${LAB_VM_CACHE:-} pkg=linux-image-cloud-amd64 mem=512 cpus=1 limit=120 qemu_pid='' root=''
if grep -qs '^ID=ubuntu' /etc/os-release; then pkg=linux-image-virtual; fi
mods=(wireguard veth bridge dummy tun nf_tables nf_conntrack_netlink nft_ct nft_limit nft_nat nft_masq nft_numgen
    nft_reject_inet nft_fib_inet nft_quota nft_log nft_meta_bridge nft_reject_bridge sch_netem sch_tbf sch_htb sch_ingress
    cls_u32 act_mirred act_police vrf overlay)
while getopts 'd:c:k:m:p:t:x:h' o; do
    case $o in
        d) dir=$OPTARG ;;
        c) cache=$OPTARG ;;
        k) pkg=$OPTARG ;;
        m) mem=$OPTARG ;;
        p) cpus=$OPTARG ;;
        t) limit=$OPTARG ;;
        x) mods+=("$OPTARG") ;;
        h) usage; exit 0 ;;
        *) usage >&2; exit 64 ;;
    esac
done
shift $((OPTIND - 1))
if [[ $# -eq 0 ]]; then usage >&2; exit 64; fi
PATH=$PATH:/usr/sbin:/sbin
for t in qemu-system-x86_64 busybox cpio depmod modprobe dpkg-deb apt-get setpriv; do
    if ! command -v "$t" >/dev/null; then die 69 "$t is missing: run scripts/setup kernel"; fi
done

tmp=$(mktemp -d)
kdir=${cache:-$tmp}/$pkg
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if ! compgen -G "$kdir/boot/vmlinuz-*" >/dev/null; then fetch_kernel "$kdir"; fi
vmlinuz=$(compgen -G "$kdir/boot/vmlinuz-*" | head -n1)
ver=${vmlinuz##*/vmlinuz-}
moddir=$kdir
if [[ ! -d $kdir/lib/modules ]]; then moddir=$kdir/usr; fi
if [[ ! -e $moddir/lib/modules/$ver/modules.dep.bin ]]; then depmod -b "$moddir" "$ver" 2>/dev/null; fi
make_initramfs "$@"
run_vm
