# SPDX-License-Identifier: ISC
#
# The data of report.awk as a picture: a bar for each alternative, from 1, where
# we are, to how many times our figure it takes. Set with -e: plot, picture.

set datafile separator "\t"
stats plot using 3 name "all" nooutput
count = int(all_records)

set terminal svg size 860, 110 + 30 * count font "sans-serif,13" \
    background "white" name "bench"
set output picture
set logscale x
set xrange [(all_min < 1 ? all_min : 1) / 2 : (all_max > 1 ? all_max : 1) * 6]
set yrange [count - 0.5 : -0.5]
set format x "%g"
set xlabel "times ours (right of 1: ours is less)"
set grid xtics lc rgb "#dddddd"
set style fill solid 0.85 noborder
set lmargin 60
set tics scale 0
set border 1 lc rgb "#888888"
set arrow from 1, graph 0 to 1, graph 1 nohead lw 2 lc rgb "#333333"
unset key

better(x) = x >= 1 ? 0x4c86b8 : 0xd08a3c
plot plot using 3:0:(1):3:($0 - 0.33):($0 + 0.33):(better($3)) \
         with boxxyerror lc rgb variable, \
     plot using 3:0:4:5:yticlabel(sprintf("%s: %s", strcol(1), strcol(2))) \
         with xerrorbars pt 0 lw 1.5 lc rgb "#333333", \
     plot using ($5 > 1 ? $5 : 1):0:(sprintf("  %s", strcol(6))) \
         with labels left font ",11"
