// Profiles of the next N seconds and the last windows, piece by piece, without a server.
#include "../unit/make_profile.hpp"

#include <pyro/export/serve_history.hpp>
#include <pyro/export/serve_recordings.hpp>

#include <catch2/catch.hpp>

using namespace pyro::detail;
using pyro_test::profile_maker;

namespace {

pyro::profile piece_of(const std::string& name, std::int64_t samples) {
  profile_maker m;
  if (samples != 0) m.row({name}, {}, 1, samples);
  return m.get();
}

std::int64_t samples_of(const pyro::profile& p) { return p.sample_types.empty() ? 0 : p.total(1); }

struct told {
  int begun = 0, done = 0;
  std::shared_ptr<recording> r = std::make_shared<recording>();
  told() {
    r->tell = [this](bool is_done) { ++(is_done ? done : begun); };
  }
};

}  // namespace

TEST_CASE("a recording has the pieces between its two cuts, and those alone") {
  std::uint64_t tickets = 0;
  recordings all([&] { return ++tickets; });
  told one;
  REQUIRE(all.begin(one.r));
  all.add_piece(piece_of("before", 5), 0);  // was being closed when the cut was asked for
  CHECK(one.begun == 0);
  all.add_piece(piece_of("before", 7), 1);
  CHECK(one.begun == 1);
  all.add_piece(piece_of("a", 10), 1);
  all.add_piece(piece_of("b", 20), 1);
  all.end(*one.r);
  all.add_piece(piece_of("c", 40), 1);  // was being closed
  CHECK(one.done == 0);
  all.add_piece(piece_of("d", 80), 2);
  CHECK(one.done == 1);
  all.add_piece(piece_of("after", 160), 2);
  CHECK(samples_of(one.r->run.result()) == 150);
  CHECK(one.begun == 1);
  CHECK(one.done == 1);
}

TEST_CASE("recordings overlap without knowing of each other") {
  std::uint64_t tickets = 0;
  recordings all([&] { return ++tickets; });
  told first, second;
  REQUIRE(all.begin(first.r));
  all.add_piece(piece_of("x", 1), tickets);
  REQUIRE(all.begin(second.r));
  all.add_piece(piece_of("x", 2), tickets);
  all.add_piece(piece_of("x", 4), tickets);
  all.end(*first.r);
  all.add_piece(piece_of("x", 8), tickets);
  CHECK(first.done == 1);
  CHECK(second.done == 0);
  all.end(*second.r);
  all.add_piece(piece_of("", 0), tickets);
  CHECK(second.done == 1);
  CHECK(samples_of(first.r->run.result()) == 14);
  CHECK(samples_of(second.r->run.result()) == 12);
}

TEST_CASE("there are only so many recordings, and those that are forgotten make room") {
  std::uint64_t tickets = 0;
  recordings all([&] { return ++tickets; });
  std::vector<told> list(recordings::most + 1);
  for (std::size_t i = 0; i < recordings::most; ++i) REQUIRE(all.begin(list[i].r));
  CHECK_FALSE(all.begin(list.back().r));
  all.forget(*list[0].r);
  CHECK(all.begin(list.back().r));
  all.add_piece(piece_of("x", 1), tickets);
  CHECK(list[0].begun == 0);
  CHECK(list.back().begun == 1);
}

TEST_CASE("the history keeps the last windows, within its bytes, and what has come since") {
  window_history h(3, 1 << 20);
  CHECK(h.windows().empty());
  for (int i = 1; i <= 5; ++i) h.add(piece_of("w" + std::to_string(i), i));
  REQUIRE(h.windows().size() == 3);
  CHECK(samples_of(*h.windows()[0]) == 3);
  h.add_piece(piece_of("open", 6), false);
  h.add_piece(piece_of("open", 1), false);
  REQUIRE(h.windows().size() == 4);
  CHECK(samples_of(*h.windows().back()) == 7);
  h.add_piece(piece_of("open", 2), true);
  CHECK(samples_of(*h.windows().back()) == 9);  // until it comes as a window
  h.add(piece_of("open", 9));
  REQUIRE(h.windows().size() == 3);
  CHECK(samples_of(*h.windows().back()) == 9);
  h.add_piece(piece_of("", 0), false);  // an empty window is not sent
  h.add_piece(piece_of("", 0), true);
  CHECK(h.windows().size() == 3);

  window_history small(100, 200'000);
  profile_maker large;
  for (int i = 0; i < 500; ++i) large.row({"function_with_a_long_name_" + std::to_string(i)}, {}, 1, 1);
  REQUIRE(bytes_of(large.get()) > 20'000);
  for (int i = 0; i < 100; ++i) small.add(large.get());
  std::size_t bytes = 0;
  for (const auto& w : small.windows()) bytes += bytes_of(*w);
  CHECK(bytes <= 200'000);
  CHECK(small.windows().size() >= 2);
}
