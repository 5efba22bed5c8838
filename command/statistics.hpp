#pragma once
// The tails of distributions that the gate needs, and Holm's correction. Pure. What they are used for: gate.hpp, docs/diff.md.

#include <algorithm>  // sort, max
#include <cmath>      // erfc, lgamma
#include <cstddef>
#include <limits>     // no degrees of freedom
#include <vector>     // values of p

namespace pyro::command {

/// P(Z > z).
inline double normal_tail(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

/// The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8, evaluated as Lentz does).
inline double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);  // where the fraction converges fast
  int sign = 0;
  const auto log_gamma = [&sign](double v) { return ::lgamma_r(v, &sign); };
  const double front = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x)) / a;
  constexpr double tiny = 1e-300;
  const auto safe = [](double v) { return std::fabs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / safe(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m <= 500; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d);
    c = safe(1 + even / c);
    value *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d);
    c = safe(1 + odd / c);
    value *= d * c;
    if (std::fabs(d * c - 1) < 1e-14) break;
  }
  return front * value;
}

/// P(T > t) of Student's distribution.
inline double student_tail(double t, double freedom) {
  const double half = 0.5 * incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t));
  return t >= 0 ? half : 1 - half;
}

/// P(X >= k) where X has the binomial distribution (n, p).
inline double binomial_tail(double k, double n, double p) { return k <= 0 ? 1 : k > n ? 0 : incomplete_beta(k, n - k + 1, p); }

/// The point that a tail reaches `p` at: the inverse of a falling function on [0, 1e6], by halving.
template <class Tail>
double quantile(Tail&& tail, double p) {
  double low = 0, high = 1;
  while (tail(high) > p && high < 1e6) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (tail(middle) > p ? low : high) = middle;
  }
  return high;
}

/// Values of p adjusted by Holm's method: the probability that any of them errs is held, whatever depends on what.
inline std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&p](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> out(p.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, p[order[i]] * static_cast<double>(order.size() - i)));
    out[order[i]] = largest;
  }
  return out;
}

}  // namespace pyro::command
