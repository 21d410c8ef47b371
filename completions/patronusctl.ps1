# PowerShell completion for patronusctl: asks the installed program
if (Get-Command patronusctl -ErrorAction SilentlyContinue) {
    $env:PATRONUSCTL_COMPLETE = "powershell"
    patronusctl | Out-String | Invoke-Expression
    Remove-Item Env:\PATRONUSCTL_COMPLETE
}
