#!/usr/bin/env bash
# docs/getting-started.md, word for word: its commands are read from the page and run in their order.
# shellcheck source=tests/lab/scenario.sh
. "$(dirname "$(readlink -f "$0")")/../lab/scenario.sh" -u 1,1 -n 2
page=docs/getting-started.md
echo '198.51.100.10 patronus.example.net' >>"$LAB_DIR/hosts"
for place in server 'site 1' 'site 2'; do
    # shellcheck disable=SC2086  # two words
    $place mount -t tmpfs tmpfs /var/lib
done
head -c 18 /dev/urandom | base64 >"$WORK/password"

# The manifest is the page's own.
# shellcheck disable=SC2016  # a fence, not a command
sed -n '/^```yaml$/,/^```$/p' "$page" | sed '1d;$d' >"$WORK/office.yaml"
grep -q 'kind: network' "$WORK/office.yaml" || fail 'the page has no manifest'

# What the page leaves to a person is put in: the password, and the choice of a store without a desktop.
follow() { # PLACE LINE
    local line=${2#[\$#] }
    case $line in
        'patronus-server init'* | 'patronusctl login'*) line+=" --password-file $WORK/password" ;;&
        'patronusctl login'*) line+=' --store file' ;;
    esac
    read -ra words <<<"$line"
    show "${words[@]}"
    case $line in
        'patronus-server serve'*)
            $1 env -C "$WORK" "${words[@]}" >"$WORK/log/server.out" 2>>"$WORK/log/server.log" &
            within 20 grep -q '^listening on ' "$WORK/log/server.out" || fail 'the server does not start'
            # "Copy ca.pem to where you work."
            server cp /var/lib/patronus/tls/ca.pem "$WORK"
            ;;
        'patronus-agent run'*) $1 env -C "$WORK" "${words[@]}" 2>>"$WORK/log/agent.log" & ;;
        *) $1 env -C "$WORK" "${words[@]}" || fail "the page says: $line" ;;
    esac
}

# Berlin comes in as amsterdam does.
bring_in() { # S NAME
    local line
    for line in "${joining[@]}"; do
        case $line in
            '$ '*) follow server "${line//amsterdam/$2}" ;;
            '# '*)
                follow "site $1" "${line//amsterdam/$2}"
                ;;
        esac
    done
}

# shellcheck disable=SC2016
mapfile -t lines < <(sed -n '/^```console$/,/^```$/p' "$page" | grep -E '^[$#] ' | grep -v '^\$ make ')
joining=()
for line in "${lines[@]}"; do
    if [[ $line == *'token create'* || $line == '# '* ]]; then joining+=("$line"); fi
done
((${#joining[@]} == 3)) || fail "the page brings a site in by ${#joining[@]} commands"
done_joining=0
for line in "${lines[@]}"; do
    if [[ $line == *'token create'* ]]; then
        bring_in 1 amsterdam
        bring_in 2 berlin
        done_joining=1
    elif [[ $line != '# '* ]]; then
        follow server "$line"
    fi
done
((done_joining)) || fail 'no site was brought in'
server patronusctl status -o json --network office >"$WORK/status" || fail 'status'
within 10 reaches 2 1 || fail 'berlin does not reach amsterdam'
within 10 reaches 1 2 || fail 'amsterdam does not reach berlin'
shown "the ${#lines[@]} commands of $page work as they stand, and lead to a tunnel"
