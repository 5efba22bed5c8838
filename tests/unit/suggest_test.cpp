#include <pyro/doctor/suggest.hpp>

#include <catch2/catch.hpp>

namespace suggest_test {

using pyro::checks::edit_distance;
using pyro::checks::nearest;

TEST_CASE("distances between words") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("report", "report") == 0);
  CHECK(edit_distance("reprot", "report") == 1);  // two neighbours swapped
  CHECK(edit_distance("tp", "top") == 1);
  CHECK(edit_distance("Top", "top") == 0);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest word, or none") {
  const std::vector<std::string> words{"report", "top", "tree", "diff", "convert", "push", "check"};
  CHECK(nearest("reprot", words) == "report");
  CHECK(nearest("tpo", words) == "top");
  CHECK(nearest("conv", words) == "convert");
  CHECK(nearest("dif", words) == "diff");
  CHECK(nearest("zzz", words).empty());
  CHECK(nearest("flamegraph", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest(std::string(10'000, 'x'), words).empty());
}

}  // namespace suggest_test
