# SPDX-License-Identifier: ISC
#
# Draws the data of report.awk: a bar for each alternative, from 1 (ours) to the
# ratio of its figure to ours, with the quartiles. Set with -e: plot, labels,
# picture.

set datafile separator "\t"
stats plot using 2 name "all" nooutput
stats plot using 1 name "line" nooutput
lines = int(line_max) + 1
high = all_max > 1 ? all_max : 1
low = all_min < 1 ? all_min : 1
decades = log10(high / low) + 0.3

set terminal svg size 860, 76 + 22 * lines font "sans-serif,13" \
    background "white" name "bench"
set output picture
load labels
set lmargin at screen 0.5
set rmargin at screen 0.98
set bmargin at screen 60.0 / (76 + 22 * lines)
set tmargin at screen 1 - 5.0 / (76 + 22 * lines)
set logscale x
set xrange [low / 10 ** (decades / 20) : high * 10 ** (decades / 3)]
set yrange [lines - 0.5 : -0.5]
set format x "%g"
set xlabel "times ours (right of 1: ours is less)"
set grid xtics lc rgb "#dddddd"
set style fill solid 0.85 noborder
set tics scale 0
unset ytics
set border 1 lc rgb "#888888"
set arrow from 1, graph 0 to 1, graph 1 nohead lw 2 lc rgb "#333333"
unset key

bar(x) = x >= 1 ? 0x4c86b8 : 0xd08a3c
plot plot using 2:1:(1):2:($1 - 0.36):($1 + 0.36):(bar($2)) \
         with boxxyerror lc rgb variable, \
     plot using 2:1:3:4 with xerrorbars pt 0 lw 1.5 lc rgb "#333333", \
     plot using ($4 > 1 ? $4 : 1):1:(sprintf("  %s", strcol(5))) \
         with labels left font ",11" noenhanced
