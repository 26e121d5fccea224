#!/bin/sh
# SPDX-License-Identifier: ISC
# Made by `mirage configure` from @CONFIG@. Makes @NAME@.img: a FAT file system
# with the files of @FOLDER@, and no larger than it must be. The same files make
# the same image, to the bit.
#
#     sh make-@NAME@-image.sh [SIZE]   with room for SIZE more, such as 10M
set -eu
cd "$(dirname "$0")"
fat=${FAT:-fat}

rm -f @NAME@.img.new
"$fat" create @NAME@.img.new --for=@FOLDER@ --more="${1:-0}"
"$fat" add @NAME@.img.new @FOLDER@/. --date=@DATE@
mv @NAME@.img.new @NAME@.img
