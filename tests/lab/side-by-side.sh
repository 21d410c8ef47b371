# shellcheck shell=bash
# Sourced first of all by a scenario whose work is cut into parts: '. side-by-side.sh COUNT' starts the script again COUNT
# times at once, each with its own PART (0, 1, … of PARTS) in a lab of its own. SHARED is a folder of all of them. What
# they said is shown one after the other, and goes as files to the function 'together', if the scenario has one: from
# there come the lines that begin with 'row'.

if [[ -z ${PART:-} ]]; then
    PARTS=$1 SHARED=$(mktemp -d)
    export PARTS SHARED
    trap 'rm -rf "$SHARED"' EXIT
    parts=() rc=0
    for ((part = 0; part < PARTS; part++)); do
        PART=$part bash "$0" >"$SHARED/said-$part" 2>&1 </dev/null &
        parts+=($!)
    done
    for part in "${!parts[@]}"; do
        if ! wait "${parts[part]}"; then
            rc=1
            echo "part $part failed:"
            grep -v '^row ' "$SHARED/said-$part" || true
        fi
    done
    if declare -F together >/dev/null; then together "$SHARED"/said-* || rc=1; fi
    exit "$rc"
fi
