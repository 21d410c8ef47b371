# fish completion for patronusctl: asks the installed program
if command -q patronusctl
    PATRONUSCTL_COMPLETE=fish patronusctl | source
end
