#!/bin/sh
# SPDX-License-Identifier: ISC
# Made by `mirage configure` from @CONFIG@. Makes @NAME@.img: a FAT file system
# with the files of @FOLDER@, and no larger than it must be. The same files make
# the same image, to the bit. What was written to an earlier one is lost; make
# calls this only where that is nothing.
#
#     sh make-@NAME@-image.sh [SIZE]         with room for SIZE more, such as 10M
#     sh make-@NAME@-image.sh SIZE FILE.img  by another name
set -eu
cd "$(dirname "$0")"
fat=${FAT:-fat}
image=${2:-@NAME@.img}

rm -f "$image.new"
"$fat" create "$image.new" --for=@FOLDER@ --more="${1:-0}"
"$fat" add "$image.new" --date=@DATE@ -- @FOLDER@/.
mv "$image.new" "$image"
