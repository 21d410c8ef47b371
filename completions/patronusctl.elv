# elvish completion for patronusctl: asks the installed program
if (has-external patronusctl) {
    eval (E:PATRONUSCTL_COMPLETE=elvish patronusctl | slurp)
}
