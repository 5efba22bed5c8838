// Native samples are weighted to the CPU time that scopes are known to have: sums are exact, no weight is beyond its bound, nothing vanishes.
#include <pyro/collect/post_stratification.hpp>
#include <pyro/model/builder.hpp>
#include <pyro/sample/random.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace post_stratification_test {

using pyro::no_stack;
using pyro::collect::post_stratification;

namespace {

/// Paths of scopes and sets of labels by name.
struct world {
  pyro::profile p;
  pyro::profile_builder builder{p};

  std::uint32_t path(std::uint32_t parent, const std::string& name) {
    pyro::function f;
    f.name = f.system_name = builder.text(name);
    pyro::frame shown;
    shown.function = builder.add_function(f);
    return builder.add_stack(parent, builder.add_frame(shown));
  }
  std::uint32_t labels(const std::vector<std::pair<std::string, std::string>>& pairs) {
    pyro::label_set set;
    for (const auto& l : pairs) set.push_back({builder.text(l.first), builder.text(l.second)});
    return builder.add_labels(set);
  }
};

}  // namespace

TEST_CASE("post-stratification: native samples share what their scope is known to have") {
  world w;
  const auto order = w.path(no_stack, "order"), find = w.path(order, "find"), none = w.labels({});
  post_stratification strata(w.p);
  strata.add_known(order, none, 100);
  strata.add_known(find, none, 300);
  strata.add_sampled(order, none, 30);
  strata.add_sampled(order, none, 10);
  strata.add_sampled(find, none, 600);
  strata.weigh();
  CHECK(strata.weighted(order, none, 30) == 75);
  CHECK(strata.weighted(order, none, 10) == 25);
  CHECK(strata.weighted(find, none, 600) == 300);
  CHECK(strata.take_left(order, none) == 0);
  CHECK(strata.take_left(find, none) == 0);
}

TEST_CASE("post-stratification: without a native sample all is left, and few do not speak for much") {
  world w;
  const auto order = w.path(no_stack, "order"), find = w.path(order, "find"), none = w.labels({});
  post_stratification strata(w.p);
  strata.add_known(order, none, 100);
  strata.add_known(find, none, 1000);
  strata.add_sampled(find, none, 10);
  strata.weigh();
  CHECK(strata.take_left(order, none) == 100);
  CHECK(strata.take_left(order, none) == 0);  // taken
  CHECK(strata.weighted(find, none, 10) == 80);
  CHECK(strata.take_left(find, none) == 920);
}

TEST_CASE("post-stratification: samples where no time is known belong to what is around, with the labels that fit best") {
  world w;
  const auto order = w.path(no_stack, "order"), find = w.path(order, "find"), other = w.path(no_stack, "other");
  const auto none = w.labels({}), car = w.labels({{"vehicle", "car"}}), bike = w.labels({{"vehicle", "bike"}}), both = w.labels({{"thread", "1"}, {"vehicle", "car"}});
  post_stratification strata(w.p);
  strata.add_known(order, none, 1000);
  strata.add_known(order, car, 100);
  strata.add_known(order, bike, 10);
  strata.add_sampled(order, car, 30);
  strata.add_sampled(find, both, 20);   // joins order, car
  strata.add_sampled(other, none, 40);  // nothing is around it
  strata.weigh();
  CHECK(strata.weighted(find, both, 20) == 40);
  CHECK(strata.weighted(order, car, 30) == 60);
  CHECK(strata.weighted(other, none, 40) == 0);
  CHECK(strata.take_left(order, none) == 1000);
  CHECK(strata.take_left(order, car) == 0);
  CHECK(strata.take_left(order, bike) == 10);
  CHECK(strata.take_left(find, both) == 0);
}

TEST_CASE("post-stratification: sums are exact whatever comes") {
  pyro::sampling::random_numbers random;
  for (int round = 0; round < 500; ++round) {
    world w;
    std::vector<std::uint32_t> paths{no_stack};
    for (int i = 0; i < 12; ++i) paths.push_back(w.path(paths[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(paths.size())))], std::to_string(i)));
    const std::vector<std::uint32_t> labels{w.labels({}), w.labels({{"a", "1"}}), w.labels({{"a", "1"}, {"b", "2"}})};
    post_stratification strata(w.p);
    struct hit {
      std::uint32_t path, labels;
      std::int64_t ns;
    };
    std::vector<hit> hits;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> known, sampled, got;
    std::int64_t all = 0;
    for (int i = 0; i < 40; ++i) {
      const std::uint32_t path = paths[static_cast<std::size_t>(random.below(13))], set = labels[static_cast<std::size_t>(random.below(3))];
      if (random.below(3) == 0) {
        const std::int64_t ns = random.below(100000000000);
        known[{path, set}] += ns;
        all += ns;
        strata.add_known(path, set, ns);
      } else {
        hits.push_back({path, set, 10000000 * (1 + random.below(3))});
        sampled[{path, set}] += hits.back().ns;
        strata.add_sampled(path, set, hits.back().ns);
      }
    }
    strata.weigh();
    std::int64_t sum = 0;
    for (const hit& h : hits) {
      const std::int64_t ns = strata.weighted(h.path, h.labels, h.ns);
      REQUIRE(ns >= 0);
      REQUIRE(ns <= post_stratification::most_weight * h.ns + 1);
      got[{h.path, h.labels}] += ns;
      sum += ns;
    }
    for (const auto& k : known) {
      const std::int64_t left = strata.take_left(k.first.first, k.first.second);
      REQUIRE(left >= 0);
      if (sampled.count(k.first) == 0 && got[k.first] == 0) REQUIRE(left <= k.second);
      sum += left;
      got[k.first] += left;
    }
    REQUIRE(sum == all);
    // Others may have joined a stratum; it gives away no more than it has.
    for (const auto& k : known) REQUIRE(got[k.first] <= k.second);
  }
}

}  // namespace post_stratification_test
