# SPDX-License-Identifier: ISC
#
# Reads a plan and its samples (see run); writes a section of Markdown, and plot
# and labels for picture.gp. Set with -v: place, picture, plot, labels. Works with
# mawk and gawk.

BEGIN { FS = "\t" }

FILENAME != file { file = FILENAME; files++ }

files == 1 && $1 == "title"  { heading = $2 }
files == 1 && $1 == "figure" { figures[++figure_count] = $2; text[$2] = $3 }
files == 1 && $1 == "run"    { runs[++run_count] = $2; label[$2] = $3 }
files == 1 && $1 == "goal"   { goal[$2, $3] = $4 " " $5 }

files == 2 {
    value[$3, $2, $1] = $4
    unit[$3] = $5
    if ($6 != "")
        cpu[$3, $2, $1] = $6
    if ($1 > rounds)
        rounds = $1
    if (!($3 in text)) {
        print "report.awk: the plan has no figure " $3 > "/dev/stderr"
        failed = 1
        exit 1
    }
}

# Sorts sorted[1..n], and returns its quantile q (0 to 1), interpolated.
function sort_values(n, i, j, x)
{
    for (i = 2; i <= n; i++) {
        x = sorted[i]
        for (j = i - 1; j > 0 && sorted[j] > x; j--)
            sorted[j + 1] = sorted[j]
        sorted[j + 1] = x
    }
}

function quantile(n, q, at, below)
{
    at = 1 + (n - 1) * q
    below = int(at)
    return below < n ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) \
                     : sorted[n]
}

# Sets median, low and high (the quartiles) of the samples of a contender.
# Returns their number. what: value, cpu or ratio (to ours).
function summarise(what, f, run, n, r, ours)
{
    ours = runs[1]
    n = 0
    for (r = 1; r <= rounds; r++) {
        if (what == "value" && (f, run, r) in value)
            sorted[++n] = value[f, run, r] + 0
        if (what == "cpu" && (f, run, r) in cpu)
            sorted[++n] = cpu[f, run, r] + 0
        if (what == "ratio" && (f, run, r) in value &&
            (f, ours, r) in value && value[f, run, r] + 0 > 0)
            sorted[++n] = value[f, ours, r] / value[f, run, r]
    }
    if (n == 0)
        return 0
    sort_values(n)
    mid = quantile(n, 0.5)
    low = quantile(n, 0.25)
    high = quantile(n, 0.75)
    return n
}

# Formats three significant digits without an exponent.
function digits(x, abs)
{
    abs = x < 0 ? -x : x
    if (abs == 0)
        return "0"
    if (abs >= 99.95)
        return sprintf("%.0f", x)
    if (abs >= 9.995)
        return sprintf("%.1f", x)
    if (abs >= 0.9995)
        return sprintf("%.2f", x)
    if (abs >= 0.09995)
        return sprintf("%.3f", x)
    return sprintf("%.4f", x)
}

# Chooses an SI prefix for the value x in unit u: sets scale and scaled_unit.
function choose_scale(x, u, abs)
{
    abs = x < 0 ? -x : x
    scale = 1
    scaled_unit = u == "1" ? "" : u
    if (u == "s") {
        if (abs < 1e-6)      { scale = 1e-9; scaled_unit = "ns" }
        else if (abs < 1e-3) { scale = 1e-6; scaled_unit = "µs" }
        else if (abs < 1)    { scale = 1e-3; scaled_unit = "ms" }
    } else if (u ~ /^B/) {
        if (abs >= 1024 * 1024 * 1024) { scale = 1024 ^ 3; scaled_unit = "Gi" u }
        else if (abs >= 1024 * 1024)   { scale = 1024 ^ 2; scaled_unit = "Mi" u }
        else if (abs >= 1024)          { scale = 1024; scaled_unit = "Ki" u }
    }
}

function shown(x, u)
{
    choose_scale(x, u)
    if (u == "1" && x == int(x))
        return sprintf("%d", x)
    return digits(x / scale) (scaled_unit ? " " scaled_unit : "")
}

function spread(u)
{
    choose_scale(mid, u)
    if (digits(low / scale) == digits(high / scale))
        return "the same"
    return digits(low / scale) " .. " digits(high / scale)
}

function verdict(g, x, parts, met)
{
    split(g, parts, " ")
    met = parts[1] == "<=" ? x <= parts[2] + 0 : x >= parts[2] + 0
    return met ? "reached" : "**missed**"
}

function goal_cell(f, run, x, parts)
{
    if (!((f, run) in goal))
        return ""
    split(goal[f, run], parts, " ")
    return (parts[1] == "<=" ? "≤ " : "≥ ") \
           (run == "-" ? shown(parts[2] + 0, unit[f]) : parts[2]) \
           ": " verdict(goal[f, run], x)
}

# A line of text at the left of the picture.
function picture_label(line, words, font)
{
    gsub(/["\\]/, "", words)
    printf "set label \"%s\" at screen %s, first %d font \"%s\" noenhanced front\n",
           words, font ? 0.01 : 0.03, line, font > labels
}

# Ours is at 1; each other is a bar with its figure.
function picture_row(f, run, theirs)
{
    if (drawn != f) {
        picture_label(line++, text[f] ": " ours_shown, ":Bold")
        drawn = f
    }
    picture_label(line, label[run])
    printf "%d\t%.6g\t%.6g\t%.6g\t%s\n", line++, 1 / mid, 1 / high, 1 / low,
           theirs > plot
}

function row(f, i, run, cells, median_value)
{
    run = runs[i]
    if (!summarise("value", f, run))
        return 0
    median_value = mid
    if (i == 1)
        ours_shown = shown(mid, unit[f])
    cells = shown(mid, unit[f]) " | " spread(unit[f]) " | "
    cells = cells (summarise("cpu", f, run) ? shown(mid, unit[f]) : "") " | "
    if (i > 1 && summarise("ratio", f, run)) {
        cells = cells "**" digits(mid) "** (" digits(low) " .. " digits(high) \
                ") | " goal_cell(f, run, mid)
        if (mid > 0)
            picture_row(f, run, shown(median_value, unit[f]))
    } else {
        cells = cells " | " (i == 1 ? goal_cell(f, "-", median_value) : "")
    }
    print "| " (named == f ? "" : text[f]) " | " \
          (i == 1 ? "**" label[run] "**" : label[run]) " | " cells " |"
    named = f
    return 1
}

END {
    if (failed)
        exit 1
    printf "" > plot
    printf "" > labels
    print "## " heading "\n"
    print "| What | Who | Median | Quartiles | Processor time | Ours to theirs" \
          " | Goal |"
    print "| --- | --- | ---: | ---: | ---: | ---: | --- |"
    for (k = 1; k <= figure_count; k++)
        for (i = 1; i <= run_count; i++)
            row(figures[k], i)
    print "\n" place "." (drawn != "" ? "\n" : "")
    if (drawn != "") # there are ratios
        print "![" heading ", as ratios](" picture ")"
}
