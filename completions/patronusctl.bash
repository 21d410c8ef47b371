# bash completion for patronusctl: asks the installed program
if command -v patronusctl >/dev/null 2>&1; then
    source <(PATRONUSCTL_COMPLETE=bash patronusctl)
fi
