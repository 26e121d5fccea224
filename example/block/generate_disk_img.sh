#!/bin/sh
# SPDX-License-Identifier: ISC
# An empty disk of 51,200,000 bytes.
dd if=/dev/zero of=disk.img count=100000
