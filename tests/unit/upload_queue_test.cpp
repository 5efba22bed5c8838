// Pushes that wait: never more bytes than allowed, the oldest go first, and the ledger has every sample exactly once.
#include <pyro/export/upload_queue.hpp>

#include <catch2/catch.hpp>

#include <deque>
#include <random>
#include <string>
#include <vector>

namespace upload_queue_test {

using pyro::delivery;
using pyro::detail::upload;
using pyro::detail::upload_queue;

namespace {

upload of(std::uint64_t samples, std::size_t bytes) {
  upload u;
  u.body = std::string(bytes, 'x');
  u.raw_bytes = bytes * 3;
  u.samples = samples;
  return u;
}

std::uint64_t sum(const delivery& d) { return d.sent + d.queued + d.dropped + d.uncertain; }

bool is(const delivery& d, std::uint64_t sent, std::uint64_t queued, std::uint64_t dropped, std::uint64_t uncertain) {
  return d.sent == sent && d.queued == queued && d.dropped == dropped && d.uncertain == uncertain;
}

}  // namespace

TEST_CASE("queue: a new one is empty and idle, and its ledger blank") {
  const upload_queue q(1000);
  CHECK(q.empty());
  CHECK(q.idle());
  CHECK(q.bytes() == 0);
  CHECK(is(q.ledger(), 0, 0, 0, 0));
}

TEST_CASE("queue: what is taken out stays queued until it is said what became of it") {
  upload_queue q(1000);
  CHECK(q.add(of(10, 100)));
  CHECK(q.add(of(20, 200)));
  CHECK(q.add(of(30, 300)));
  CHECK(q.bytes() == 600);
  CHECK(is(q.ledger(), 0, 60, 0, 0));

  upload u = q.take();
  CHECK(u.samples == 10);  // the oldest
  CHECK(u.body.size() == 100);
  CHECK(u.raw_bytes == 300);
  CHECK(q.bytes() == 500);
  CHECK(is(q.ledger(), 0, 60, 0, 0));
  q.sent(u);
  CHECK(is(q.ledger(), 10, 50, 0, 0));

  u = q.take();
  q.uncertain(u);
  CHECK(is(q.ledger(), 10, 30, 0, 20));
  CHECK_FALSE(q.idle());

  u = q.take();
  CHECK(q.empty());
  CHECK_FALSE(q.idle());  // it is under way
  q.dropped(u);
  CHECK(q.idle());
  CHECK(is(q.ledger(), 10, 0, 30, 20));
}

TEST_CASE("queue: what is put back is the next again") {
  upload_queue q(1000);
  q.add(of(1, 100));
  q.add(of(2, 100));
  upload u = q.take();
  CHECK(q.put_back(std::move(u)));
  CHECK(q.bytes() == 200);
  CHECK(q.front().samples == 1);
  CHECK(is(q.ledger(), 0, 3, 0, 0));
  q.sent(q.take());
  CHECK(q.front().samples == 2);
  q.sent(q.take());
  CHECK(q.idle());
  CHECK(is(q.ledger(), 3, 0, 0, 0));
}

TEST_CASE("queue: at the cap nothing goes, above it the oldest, as many as it takes") {
  upload_queue q(300);
  CHECK(q.add(of(1, 100)));
  CHECK(q.add(of(2, 100)));
  CHECK(q.add(of(4, 100)));
  CHECK(q.bytes() == 300);
  CHECK_FALSE(q.add(of(8, 1)));
  CHECK(q.bytes() == 201);
  CHECK(q.front().samples == 2);
  CHECK(is(q.ledger(), 0, 14, 1, 0));
  CHECK_FALSE(q.add(of(16, 250)));  // two have to go
  CHECK(q.bytes() == 251);
  CHECK(q.front().samples == 8);
  CHECK(is(q.ledger(), 0, 24, 7, 0));
  CHECK_FALSE(q.add(of(32, 300)));  // all of them
  CHECK(q.bytes() == 300);
  CHECK(is(q.ledger(), 0, 32, 31, 0));
}

TEST_CASE("queue: one that can never fit is dropped alone, it does not take the others with it") {
  upload_queue q(300);
  q.add(of(1, 100));
  q.add(of(2, 100));
  CHECK_FALSE(q.add(of(4, 301)));
  CHECK(q.bytes() == 200);
  CHECK(q.front().samples == 1);
  CHECK(is(q.ledger(), 0, 3, 4, 0));
}

TEST_CASE("queue: where others have taken its room, what is put back is the oldest and goes itself") {
  upload_queue q(300);
  q.add(of(1, 200));
  upload u = q.take();
  CHECK(q.add(of(2, 150)));
  CHECK_FALSE(q.put_back(std::move(u)));
  CHECK(q.bytes() == 150);
  CHECK(q.front().samples == 2);
  CHECK_FALSE(q.idle());
  CHECK(is(q.ledger(), 0, 2, 1, 0));
  q.sent(q.take());
  CHECK(q.idle());
  CHECK(is(q.ledger(), 2, 0, 1, 0));
}

TEST_CASE("queue: at the end all that waits is dropped, what is under way is not") {
  upload_queue q(1000);
  q.add(of(1, 100));
  q.add(of(2, 100));
  q.add(of(4, 100));
  upload u = q.take();
  q.drop_all();
  CHECK(q.empty());
  CHECK(q.bytes() == 0);
  CHECK_FALSE(q.idle());
  CHECK(is(q.ledger(), 0, 1, 6, 0));
  q.sent(u);
  CHECK(is(q.ledger(), 1, 0, 6, 0));
  q.drop_all();
  CHECK(is(q.ledger(), 1, 0, 6, 0));
}

TEST_CASE("queue: uploads of no samples or no bytes are kept in order like others") {
  upload_queue q(100);
  CHECK(q.add(of(0, 10)));
  CHECK(q.add(of(5, 0)));
  CHECK_FALSE(q.empty());
  CHECK(q.take().samples == 0);
  q.sent(of(0, 10));
  CHECK(q.take().samples == 5);
}

TEST_CASE("queue: random operations against a simple model") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const std::size_t most = 1000;
    upload_queue q(most);
    struct item {
      std::uint64_t samples;
      std::size_t bytes;
    };
    std::deque<item> waiting;
    std::vector<upload> under_way;  // one at most
    delivery model;
    std::uint64_t given = 0;
    const auto room = [&] {
      bool all = true;
      const auto bytes = [&] {
        std::size_t total = 0;
        for (const item& i : waiting) total += i.bytes;
        return total;
      };
      for (; bytes() > most; all = false) {
        model.dropped += waiting.front().samples;
        waiting.pop_front();
      }
      return all;
    };
    for (int step = 0; step < 400; ++step) {
      const auto what = random() % 10;
      if (what < 4) {
        const item i{random() % 100, random() % (step % 20 == 0 ? 1500 : 300)};
        given += i.samples;
        bool all = false;
        if (i.bytes > most) model.dropped += i.samples;
        else waiting.push_back(i), all = room();
        REQUIRE(q.add(of(i.samples, i.bytes)) == all);
      } else if (what < 7 && under_way.empty() && !waiting.empty()) {
        under_way.push_back(q.take());
        REQUIRE(under_way[0].samples == waiting.front().samples);
        REQUIRE(under_way[0].body.size() == waiting.front().bytes);
        waiting.pop_front();
      } else if (what < 9 && !under_way.empty()) {
        upload u = std::move(under_way[0]);
        under_way.clear();
        switch (random() % 4) {
          case 0: q.sent(u), model.sent += u.samples; break;
          case 1: q.dropped(u), model.dropped += u.samples; break;
          case 2: q.uncertain(u), model.uncertain += u.samples; break;
          default:
            waiting.push_front({u.samples, u.body.size()});
            const bool all = room();
            REQUIRE(q.put_back(std::move(u)) == all);
        }
      } else if (random() % 50 == 0) {
        q.drop_all();
        for (const item& i : waiting) model.dropped += i.samples;
        waiting.clear();
      }
      model.queued = under_way.empty() ? 0 : under_way[0].samples;
      std::size_t bytes = 0;
      for (const item& i : waiting) {
        model.queued += i.samples;
        bytes += i.bytes;
      }
      REQUIRE(is(q.ledger(), model.sent, model.queued, model.dropped, model.uncertain));
      REQUIRE(sum(q.ledger()) == given);
      REQUIRE(q.bytes() == bytes);
      REQUIRE(q.bytes() <= most);
      REQUIRE(q.empty() == waiting.empty());
      REQUIRE(q.idle() == (waiting.empty() && under_way.empty()));
      if (!waiting.empty()) REQUIRE(q.front().samples == waiting.front().samples);
    }
  }
}

}  // namespace upload_queue_test
