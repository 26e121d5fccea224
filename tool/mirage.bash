# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# Completion of mirage for bash. What there is to complete comes from mirage.

# _mirage_options COMMAND: the options that its usage names
_mirage_options() {
    {
        mirage "$1" --help 2>/dev/null |
            grep -oE '(^|[ [])--[a-z]+|\[-[-a-z] ' | tr -d '[ ' |
            sed 's/^-f$/-f\n--file/'
        echo --help
    } | sort -u
}

# _mirage_list WORD...: the list with which mirage refuses these words
_mirage_list() {
    mirage "$@" 2>&1 | sed -n 's/^There are: *//p'
}

_mirage() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local words=

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(mirage --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p')
            --help --version"
    else
        case $before in
        -t | --target) words=$(_mirage_list configure --target=?) ;;
        --from) words=$(_mirage_list init --from=? x) ;;
        -f | --file)
            mapfile -t COMPREPLY < <(compgen -f -X '!*.c' -- "$word")
            return
            ;;
        *)
            case ${COMP_WORDS[1]} in
            help)
                words="topics $(mirage help topics 2>/dev/null |
                    sed -n 's/^  \([a-z0-9_]*\) .*/\1/p')" ;;
            *) words=$(_mirage_options "${COMP_WORDS[1]}") ;;
            esac
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _mirage mirage
