# The one table. Reads lines `place, what, unit, value, ratio, target`, tab-separated and in the order of the table; several lines of one
# `what` are its passes. `quick` and `machine` only go to the head.
BEGIN { FS = "\t" }

# Sorts a[1..n]; passes are few.
function sort(a, n,    i, k, x) {
  for (i = 2; i <= n; ++i) {
    x = a[i]
    for (k = i - 1; k >= 1 && a[k] > x; --k) a[k + 1] = a[k]
    a[k + 1] = x
  }
}
function median(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }
function number(x) { return x >= 1000 ? sprintf("%.0f", x) : x >= 100 ? sprintf("%.1f", x) : sprintf("%.2f", x) }

function verdict(ratio, target,    wanted) {
  if (target == "-") return ""
  wanted = substr(target, 2) + 0
  if (ratio == 0 && substr(target, 1, 1) == ">") return "not measured: never side by side on this busy machine"
  if (substr(target, 1, 1) == "<") return ratio <= wanted ? "met" : sprintf("MISSED by %.0f %%", (ratio / wanted - 1) * 100)
  return ratio >= wanted ? "met" : sprintf("MISSED by %.0f %%", (1 - ratio / wanted) * 100)
}

$2 != last {
  if (count) finish()
  last = $2
  unit = $3
  target = $6
  count = 0
}
{
  value[++count] = $4 + 0
  ratio[count] = $5 + 0
}

function finish(    least, middle, r) {
  sort(value, count)
  sort(ratio, count)
  least = value[1]
  middle = median(value, count)
  r = median(ratio, count)
  name = last
  if (index(name, "/") && substr(name, 1, index(name, "/") - 1) != group) {
    group = substr(name, 1, index(name, "/") - 1)
    printf "%s\n", group
  }
  sub(/^[^\/]*\//, "  ", name)
  printf "%-42s %9s %9s %-5s %8s %8s  %s\n", name, number(least), number(middle), unit, r ? sprintf("%.3f", r) : "",
    target == "-" ? "" : (substr(target, 1, 1) == "<" ? "≤ " : "≥ ") substr(target, 2), verdict(r, target)
  if (verdict(r, target) ~ /^MISSED/) ++missed
}

END {
  if (count) finish()
  printf "%d of the targets missed\n", missed + 0
}
