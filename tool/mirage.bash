# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Completion of mirage for bash.

_mirage() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local words=

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="configure build run clean describe init help --help --version"
    else
        case $before in
        -t | --target) words="unix macosx xen virtio sim" ;;
        --from)
            words=$(mirage init --from=? x 2>&1 | sed -n 's/^There are: *//p')
            ;;
        -f | --file)
            mapfile -t COMPREPLY < <(compgen -f -X '!*.c' -- "$word")
            return
            ;;
        *)
            case ${COMP_WORDS[1]} in
            configure)
                words="-f --file -t --target --unix --macosx --xen --virtio --sim
                    --help" ;;
            describe) words="-f --file --dot --json --svg --help" ;;
            init) words="--from --help" ;;
            help)
                words="topics $(mirage help topics 2>/dev/null |
                    sed -n 's/^  \([a-z0-9_]*\) .*/\1/p')" ;;
            run) words="--gdb -- --help" ;;
            *) words="--help" ;;
            esac
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _mirage mirage
