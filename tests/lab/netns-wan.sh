#!/usr/bin/env bash
# netns-wan.sh: a small internet with sites on it, in throw-away network namespaces.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: netns-wan.sh [-u UPLINKS] [-n SITES] -- COMMAND [ARG...]
       netns-wan.sh -e PID [-- COMMAND [ARG...]]

Builds sites joined by an internet, runs COMMAND beside them and returns its exit status.
  -u LIST  uplinks of each site, 1 to 4; the length of the list is the number of sites
           (default 1,2,1: three sites, the second with two uplinks)
  -n LIST  sites whose uplinks lie behind a NAT modem each (IPv4 only), e.g. 3 or 1,3
  -e PID   run COMMAND (default: a shell) in the running lab whose script has this PID
           (COMMAND finds its own lab's as $LAB_PID)

All of it (namespaces, bridges, processes started by COMMAND, UAPI sockets, scratch files) lives in
private net, mount and pid namespaces and is gone when COMMAND ends, also after Ctrl-C, TERM and
kill -9. INT, TERM and HUP reach COMMAND as TERM; it has 5 s to end. Any number of labs may run at once.
Runs as root, else in a user namespace: then only root's own id exists in it, tunnels need a
/dev/net/tun that you may open, and kernel modules must be loaded already or load by themselves.

Addresses (s = site, u = uplink); a router (.254, ::fe) joins all of these networks:
  up<u> in site s    u=1 203.0.113.<s>/24   u=2 192.0.2.<s>/24   u=3 198.18.3.<s>/24   u=4 198.18.4.<s>/24
                     and 2001:db8:<u>::<s>/64; a default route by each uplink, metric 100 x u
                     behind a modem: 10.64.<u>.2/24, gateway .1; the modem has the addresses above
  lan0  in site s    192.168.<s>.1/24 and fd00:<s>::1/64
  eth0  in host s    192.168.<s>.2/24 and fd00:<s>::2/64, default route through the site
  eth0  in server    198.51.100.10/24 and 2001:db8:100::10/64, in /etc/hosts as patronus.example

Helpers on COMMAND's PATH:
  site S CMD...              run CMD in site S (own network, /sys and /run)
  host S CMD...              run CMD in the LAN host behind site S
  server CMD...              run CMD in the server host
  wan VERB ...               pull, drop, lose, shape or delay one uplink: see 'wan -h'
Environment for COMMAND: LAB_SITES (number), LAB_UPLINKS ("1 2 1"), LAB_PID, LAB_DIR (scratch in
memory, seen by every site, gone at the end). /run is empty and private, for each site its own.
example: netns-wan.sh -u 1,2 -- sh -c 'wan delay 1 1 20; site 1 ping -c3 192.0.2.2'
USAGE
}

die() { # STATUS MESSAGE...
    local status=$1
    shift
    echo "netns-wan.sh: $*" >&2
    exit "$status"
}

first_child() { # PID
    local child
    read -r child _ <"/proc/${1:-none}/task/${1:-none}/children" || true
    echo "${child:-}"
}

# The outer part: options, the namespaces, and their end.

enter() { # PID COMMAND...: join a running lab
    local pid=$1 unshared init user=()
    shift
    if [[ $# -eq 0 ]]; then set -- "${SHELL:-bash}"; fi
    if [[ ! $pid =~ ^[1-9][0-9]*$ ]]; then
        die 64 "-e takes the process id of a running netns-wan.sh, and '$pid' is no number (see netns-wan.sh -h)"
    fi
    unshared=$(first_child "$pid" 2>/dev/null || true)
    init=$(first_child "$unshared" 2>/dev/null || true)
    # Any process may have a child with a child: only a lab's was given the lab's own id.
    if [[ -z $init ]] || ! grep -qsxz "LAB_PID=$pid" "/proc/$init/environ"; then
        die 69 "process $pid is not a running netns-wan.sh, or not yours: in a lab, \$LAB_PID has its id"
    fi
    if [[ $EUID -ne 0 ]]; then user=(--user --preserve-credentials); fi
    # shellcheck disable=SC2016  # for the shell inside
    exec nsenter -t "$init" "${user[@]}" -n -m -p -- \
        bash -c '. /run/lab/env; cd "$1" && shift && exec "$@"' _ "$PWD" "$@"
}

check_machine() {
    case $PWD/ in /run/* | /var/run/*) die 69 "the lab has a /run of its own: start it from another folder" ;; esac
    for tool in unshare nsenter setpriv ip nft; do
        command -v "$tool" >/dev/null || die 69 "$tool is missing: run scripts/setup"
    done
    if [[ $EUID -ne 0 ]] && ! unshare -Ur --net true 2>/dev/null; then
        die 77 "user namespaces are closed here: run it with sudo, or open them
  (sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0)"
    fi
}

# Called by traps: COMMAND gets TERM and some time, then everything goes.
# shellcheck disable=SC2317
stop() { # STATUS
    local init i
    trap '' INT TERM HUP
    init=$(first_child "$inner" 2>/dev/null || true)
    if [[ -n $init ]]; then kill -TERM "$init" 2>/dev/null || true; fi
    for ((i = 0; i < 50; i++)); do
        if ! kill -0 "$inner" 2>/dev/null; then break; fi
        sleep 0.1
    done
    kill -KILL "$inner" 2>/dev/null || true
    wait "$inner" 2>/dev/null || true
    exit "$1"
}

outer() {
    local user=() rc=0
    check_machine
    if [[ $EUID -ne 0 ]]; then user=(unshare --user --map-root-user); fi
    export LAB_INNER=1 LAB_PID=$$ LAB_HOME LAB_UPLINKS LAB_NAT
    # In this order: entering a user namespace forgets the parent-death signal.
    # shellcheck disable=SC2016  # for the shell inside
    "${user[@]}" setpriv --pdeathsig KILL bash -c '
        # This script may have been killed before the signal was arranged.
        if [[ $PPID != "$LAB_PID" ]]; then exit 1; fi
        exec unshare --net --mount --pid --fork --kill-child=KILL --mount-proc bash "$LAB_HOME/netns-wan.sh" "$@"
    ' _ "$@" <&0 &
    inner=$!
    trap 'stop 130' INT
    trap 'stop 143' TERM
    trap 'stop 129' HUP
    wait "$inner" || rc=$?
    exit "$rc"
}

# The inner part, process 1 of the lab: build the network, run COMMAND.

uplink_net() { # UPLINK: the first three bytes of its provider's network
    case $1 in
        0) echo 198.51.100 ;;
        1) echo 203.0.113 ;;
        2) echo 192.0.2 ;;
        *) echo "198.18.$1" ;;
    esac
}
uplink_net6() { # UPLINK
    if [[ $1 == 0 ]]; then echo 2001:db8:100:; else echo "2001:db8:$1:"; fi
}

prepare_machine() {
    local f
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p "$LAB_DIR" /run/lock
    # Containers may forbid it; then /sys/class/net shows the machine's devices, which only misleads people.
    mount -t sysfs sysfs /sys 2>/dev/null || true
    {
        echo '127.0.0.1 localhost'
        echo '::1 localhost'
        echo "$(uplink_net 0).10 patronus.example"
        echo "$(uplink_net6 0):10 patronus.example"
    } >"$LAB_DIR/hosts"
    mount --bind "$LAB_DIR/hosts" /etc/hosts
    # Nobody answers for other names; asking this machine's resolver would only take time.
    if [[ -e /etc/resolv.conf ]]; then
        : >"$LAB_DIR/resolv.conf"
        mount --bind "$LAB_DIR/resolv.conf" "$(readlink -f /etc/resolv.conf)"
    fi
    ip link set lo up
    for f in /proc/sys/net/bridge/bridge-nf-call-{ip,ip6,arp}tables; do
        if [[ -w $f ]]; then echo 0 >"$f"; fi
    done
}

# Duplicate address detection would keep IPv6 silent for the first second or two.
quick_ipv6() { echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad || true; }

# Interfaces made later inherit 'default'.
as_router() {
    local key
    for key in ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 ipv4/conf/all/rp_filter=0 ipv4/conf/default/rp_filter=0; do
        if [[ -w /proc/sys/net/${key%=*} ]]; then echo "${key#*=}" >"/proc/sys/net/${key%=*}"; fi
    done
}

# A host is a pair of namespaces held by a sleeping process; helpers enter it with nsenter.
make_host() { # NAME
    local run=$LAB_DIR/run/$1
    mkdir -p "$run"
    # shellcheck disable=SC2016
    unshare --net --mount bash -c "$(declare -f quick_ipv6)"'
        set -e
        mount -t tmpfs -o mode=755 tmpfs "$1"
        mkdir -p "$1/wireguard" "$1/lock" "$1/lab"
        mount --bind /run/lab "$1/lab"
        mount --rbind "$1" /run
        mount -t sysfs sysfs /sys 2>/dev/null || true
        ip link set lo up
        quick_ipv6
        : >"/run/lab/$2.ready"
        exec sleep infinity' _ "$run" "$1" </dev/null >/dev/null &
    local pid=$! i
    echo "$pid" >"$LAB_DIR/$1.pid"
    for ((i = 0; i < 1000; i++)); do
        if [[ -e $LAB_DIR/$1.ready ]]; then return; fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.01
    done
    die 70 "cannot make the namespaces of $1"
}
ip_in() { # NAME: 'ip' commands on stdin
    nsenter -t "$(<"$LAB_DIR/$1.pid")" -n -m -- ip -batch -
}
in_host() { # NAME CMD...
    local name=$1
    shift
    nsenter -t "$(<"$LAB_DIR/$name.pid")" -n -m -- "$@"
}

make_provider() { # UPLINK: a bridge, and the router's address on it
    ip -batch - <<IP
link add wan$1 type bridge mcast_snooping 0
link set wan$1 up
addr add $(uplink_net "$1").254/24 dev wan$1
addr add $(uplink_net6 "$1"):fe/64 dev wan$1 nodad
IP
}

# Joins device DEV of NAME to provider U as its customer S: bridge port s<S>u<U>, noted for 'wan'.
plug() { # S U NAME DEV METRIC
    local s=$1 u=$2 name=$3 dev=$4 n=$1
    if [[ $u == 0 ]]; then n=10; fi
    ip -batch - <<IP
link add s${s}u$u type veth peer name $dev netns $(<"$LAB_DIR/$name.pid")
link set s${s}u$u master wan$u up
IP
    ip_in "$name" <<IP
addr add $(uplink_net "$u").$n/24 dev $dev
link set $dev up
addr add $(uplink_net6 "$u"):$n/64 dev $dev nodad
route add default via $(uplink_net "$u").254 dev $dev metric $5
route add ::/0 via $(uplink_net6 "$u"):fe dev $dev metric $5
IP
    echo "$name $dev" >"$LAB_DIR/s${s}u$u.far"
}

plug_behind_modem() { # S U
    local s=$1 u=$2 modem=modem${1}u$2
    make_host "$modem"
    plug "$s" "$u" "$modem" wan 100
    ip_in "$modem" <<IP
link add lan type veth peer name up$u netns $(<"$LAB_DIR/site$s.pid")
addr add 10.64.$u.1/24 dev lan
link set lan up
IP
    in_host "$modem" bash -c "$(declare -f as_router); as_router"
    in_host "$modem" nft -f - <<'NFT'
table ip nat {
    chain out {
        type nat hook postrouting priority srcnat
        oifname "wan" masquerade random
    }
    chain unsolicited {
        type filter hook input priority filter
        iifname "wan" ct state new drop
    }
}
NFT
    ip_in "site$s" <<IP
addr add 10.64.$u.2/24 dev up$u
link set up$u up
route add default via 10.64.$u.1 dev up$u metric $((100 * u))
IP
}

make_site() { # S UPLINKS
    local s=$1 u
    make_host "site$s"
    make_host "host$s"
    in_host "site$s" bash -c "$(declare -f as_router); as_router"
    for ((u = 1; u <= $2; u++)); do
        case ,$LAB_NAT, in
            *,$s,*) plug_behind_modem "$s" "$u" ;;
            *) plug "$s" "$u" "site$s" "up$u" "$((100 * u))" ;;
        esac
    done
    ip_in "site$s" <<IP
link add lan0 type veth peer name eth0 netns $(<"$LAB_DIR/host$s.pid")
addr add 192.168.$s.1/24 dev lan0
link set lan0 up
addr add fd00:$s::1/64 dev lan0 nodad
IP
    ip_in "host$s" <<IP
addr add 192.168.$s.2/24 dev eth0
link set eth0 up
addr add fd00:$s::2/64 dev eth0 nodad
route add default via 192.168.$s.1
route add ::/0 via fd00:$s::1
IP
}

inner() {
    local s=0 u most=1 count command rc=0
    unset LAB_INNER
    export LAB_DIR=/run/lab LAB_SITES=0
    prepare_machine
    quick_ipv6
    as_router
    for count in $LAB_UPLINKS; do
        LAB_SITES=$((LAB_SITES + 1))
        if ((count > most)); then most=$count; fi
    done
    for ((u = 0; u <= most; u++)); do make_provider "$u"; done
    make_host server
    plug 0 0 server eth0 100
    for count in $LAB_UPLINKS; do
        s=$((s + 1))
        make_site "$s" "$count"
    done
    export PATH=$LAB_HOME/bin:$PATH
    export -p | grep -E '^declare -x (LAB_[A-Z]+|PATH)=' >"$LAB_DIR/env"

    # In the background so that signals are acted on at once; with its own answer to Ctrl-C,
    # which background processes would otherwise ignore.
    env --default-signal=INT,QUIT -- "$@" <&0 &
    command=$!
    trap 'kill -TERM "$command" 2>/dev/null || true' TERM
    while :; do
        rc=0
        wait "$command" || rc=$?
        if ! kill -0 "$command" 2>/dev/null; then break; fi
    done
    exit "$rc"
}

if [[ ${LAB_INNER:-} == 1 ]]; then inner "$@"; fi

inner='' uplinks=1,2,1 LAB_NAT=''
LAB_HOME=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
while getopts ':u:n:e:h' o; do
    case $o in
        u) uplinks=$OPTARG ;;
        n) LAB_NAT=$OPTARG ;;
        e) shift $((OPTIND - 1)); if [[ ${1:-} == -- ]]; then shift; fi; enter "$OPTARG" "$@" ;;
        h) usage; exit 0 ;;
        :) die 64 "-$OPTARG needs a value: see netns-wan.sh -h" ;;
        *) die 64 "-$OPTARG is not one of its options: see netns-wan.sh -h" ;;
    esac
done
shift $((OPTIND - 1))
if [[ $# -eq 0 || ! $uplinks =~ ^[1-4](,[1-4]){0,98}$ || ! $LAB_NAT =~ ^([0-9]+(,[0-9]+)*)?$ ]]; then
    die 64 'it takes a command, and lists as in -u 1,2 -n 2: see netns-wan.sh -h'
fi
LAB_UPLINKS=${uplinks//,/ }
outer "$@"
