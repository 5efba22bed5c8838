// Whom the observer looks at: every thread with the probability that its weight says, and the list stays whole under any order of changes.
#include <pyro/sample/look_list.hpp>
#include <pyro/sample/random.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <memory>
#include <set>
#include <vector>

namespace look_list_test {

using pyro::sampling::look_list;
using pyro::sampling::random_numbers;
using pyro::sampling::thread;

namespace {

/// Threads as the registry makes them: zero-filled.
struct threads {
  explicit threads(std::size_t n) : each(n) {
    for (auto& t : each) t.reset(new thread());
  }
  thread& operator[](std::size_t i) { return *each[i]; }
  std::vector<std::unique_ptr<thread>> each;
};

/// How often each thread was drawn, each time with its weight: in the mean once a round.
std::vector<double> weights_drawn(const look_list& list, threads& all, std::size_t room, int rounds) {
  std::vector<double> sum(all.each.size(), 0);
  random_numbers random;
  look_list::drawn round[look_list::most];
  for (int r = 0; r < rounds; ++r) {
    const std::size_t n = list.draw(room, random.next(), round);
    std::set<const thread*> once;
    for (std::size_t i = 0; i < n; ++i) {
      REQUIRE(once.insert(round[i].who).second);
      for (std::size_t k = 0; k < sum.size(); ++k)
        if (&all[k] == round[i].who) sum[k] += round[i].weight;
    }
  }
  for (double& s : sum) s /= rounds;
  return sum;
}

}  // namespace

TEST_CASE("look list: where there is room all are drawn, each with the weight one") {
  threads all(30);
  const auto list = std::make_unique<look_list>();
  for (std::size_t i = 0; i < 30; ++i) list->add(all[i]);
  for (std::size_t i = 0; i < 12; ++i) list->rest(all[i * 2]);
  CHECK(list->awake() == 18);
  for (const double w : weights_drawn(*list, all, 30, 20)) CHECK(w == 1);
}

TEST_CASE("look list: where there is little room the weights make up for it, for those that sleep as well") {
  threads all(200);
  const auto list = std::make_unique<look_list>();
  for (std::size_t i = 0; i < 200; ++i) list->add(all[i]);
  for (std::size_t i = 0; i < 160; ++i) list->rest(all[i]);
  constexpr int rounds = 20000;
  const std::vector<double> drawn = weights_drawn(*list, all, 24, rounds);
  // 18 of 40 that are awake, 6 of 160 that sleep; a weight of 1/p with the probability p has a variance of 1/p - 1.
  for (std::size_t i = 0; i < 200; ++i) {
    const double p = i < 160 ? 6.0 / 160 : 18.0 / 40;
    INFO(i << ": " << drawn[i]);
    CHECK(std::abs(drawn[i] - 1) < 5 * std::sqrt((1 / p - 1) / rounds));
  }
}

TEST_CASE("look list: a round has room for some of either kind, and never more than it may") {
  threads all(600);
  const auto list = std::make_unique<look_list>();
  look_list::drawn round[look_list::most];
  CHECK(list->draw(10, 1, round) == 0);
  list->add(all[0]);
  CHECK(list->draw(0, ~0ULL, round) == 1);
  for (std::size_t i = 1; i < 600; ++i) list->add(all[i]);
  CHECK(list->draw(10000, ~0ULL, round) == look_list::most);
  CHECK(list->draw(0, 0, round) == 2);
  list->rest(all[3]);
  CHECK(list->draw(0, ~0ULL, round) == 2);
  CHECK(round[1].who == &all[3]);
  CHECK(round[1].weight == 1);
  CHECK(round[0].weight == 599);
}

TEST_CASE("look list: in any order of changes it holds exactly those that were added and not removed") {
  constexpr std::size_t n = 40;
  threads all(n);
  const auto list = std::make_unique<look_list>();
  std::vector<bool> in(n, false), awake(n, false);
  random_numbers random;
  for (int step = 0; step < 20000; ++step) {
    const auto i = static_cast<std::size_t>(random.below(n));
    switch (random.below(4)) {
      case 0:
        list->add(all[i]);
        if (!in[i]) awake[i] = true;
        in[i] = true;
        break;
      case 1:
        list->remove(all[i]);
        in[i] = false;
        break;
      case 2:
        if (in[i]) list->rest(all[i]), awake[i] = false;
        break;
      default:
        if (in[i]) list->wake(all[i]), awake[i] = true;
    }
    std::size_t members = 0, up = 0;
    for (std::size_t k = 0; k < n; ++k) {
      members += in[k] ? 1U : 0U;
      up += in[k] && awake[k] ? 1U : 0U;
      REQUIRE(all[k].watch.listed == in[k]);
      if (in[k]) {
        REQUIRE(&list->at(all[k].watch.place) == &all[k]);
        REQUIRE((all[k].watch.place < list->awake()) == awake[k]);
      }
    }
    REQUIRE(list->size() == members);
    REQUIRE(list->awake() == up);
  }
}

}  // namespace look_list_test
