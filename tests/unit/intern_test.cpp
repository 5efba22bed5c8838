// Arena and intern table: one byte budget, values counted for each key, references, reuse.
#include <pyro/collect/intern.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace intern_test {

using pyro::collect::arena;
using pyro::collect::chunk;
using pyro::collect::intern_table;
using pyro::core::text;

namespace {

/// Both keep their memory for the life of a process, so tests make them on the heap and leave the pages.
struct world {
  explicit world(std::size_t bytes, std::uint32_t values = 1000) {
    memory.set_limit(bytes);
    texts.set_values_per_key(values);
  }
  text* get(const char* key, const std::string& value) { return texts.acquire(key, value.data(), value.size()); }
  arena memory;
  intern_table texts{memory};
};

std::unique_ptr<world> make(std::size_t bytes = 1 << 20, std::uint32_t values = 1000) { return std::make_unique<world>(bytes, values); }

}  // namespace

TEST_CASE("the arena hands out chunks up to its limit and takes them back") {
  arena memory;
  memory.set_limit(5 * chunk::bytes);
  std::vector<chunk*> taken;
  while (chunk* c = memory.take()) taken.push_back(c);
  REQUIRE(taken.size() == 4);
  REQUIRE(std::set<chunk*>(taken.begin(), taken.end()).size() == 4);
  REQUIRE(memory.used() == 4 * chunk::bytes);
  REQUIRE(memory.full());
  memory.give_back(taken.back());
  REQUIRE_FALSE(memory.full());
  REQUIRE(memory.take() == taken.back());
  REQUIRE(memory.take() == nullptr);
}

TEST_CASE("a fifth of the budget is kept for the first chunks of trees") {
  arena memory;
  memory.set_limit(10 * chunk::bytes);
  for (int i = 0; i < 8; ++i) REQUIRE(memory.take() != nullptr);
  REQUIRE(memory.take() == nullptr);
  REQUIRE(memory.take_reserved() != nullptr);
  REQUIRE(memory.take_reserved() != nullptr);
  REQUIRE(memory.take_reserved() == nullptr);
}

TEST_CASE("a chunk is empty when it is handed out, also the second time") {
  arena memory;
  memory.set_limit(2 * chunk::bytes);
  chunk* c = memory.take();
  REQUIRE(c->used == sizeof(chunk));
  c->used = 4000;
  c->next = c;
  memory.give_back(c);
  c = memory.take();
  REQUIRE(c->used == sizeof(chunk));
  REQUIRE(c->next == nullptr);
}

TEST_CASE("equal texts of one key are one text, other keys and dynamic names have their own") {
  const auto w = make();
  text* a = w->get("vehicle", "car");
  REQUIRE(a != nullptr);
  REQUIRE(std::string(a->data(), a->size) == "car");
  REQUIRE(a->data()[a->size] == '\0');
  REQUIRE(w->get("vehicle", "car") == a);
  REQUIRE(w->get("vehicle", "bike") != a);
  REQUIRE(w->get("colour", "car") != a);
  REQUIRE(w->get(nullptr, "car") != a);
  REQUIRE(w->get(nullptr, "car") == w->get(nullptr, "car"));
}

TEST_CASE("keys are told apart by their text, not by their address") {
  const auto w = make();
  char one[] = "vehicle", two[] = "vehicle";
  REQUIRE(w->get(one, "car") == w->get(two, "car"));
}

TEST_CASE("texts may hold zero bytes, and a prefix is another text") {
  const auto w = make();
  text* whole = w->get("k", std::string("a\0b", 3));
  REQUIRE(whole->size == 3);
  REQUIRE(w->get("k", std::string("a\0c", 3)) != whole);
  REQUIRE(w->get("k", "a") != whole);
}

TEST_CASE("a key takes its limit of values, others are refused until one is released") {
  const auto w = make(1 << 20, 3);
  text* a = w->get("k", "a");
  text* b = w->get("k", "b");
  text* c = w->get("k", "c");
  REQUIRE((a && b && c));
  REQUIRE(w->texts.any_key_full());
  REQUIRE(w->get("k", "d") == nullptr);
  REQUIRE(w->get("k", "b") == b);         // known ones are still found
  REQUIRE(w->get("other", "d") != nullptr);  // each key has its own limit
  REQUIRE(w->get(nullptr, "d") != nullptr);
  w->texts.release(b);
  REQUIRE(w->get("k", "d") == nullptr);  // b was acquired twice
  w->texts.release(b);
  REQUIRE_FALSE(w->texts.any_key_full());
  REQUIRE(w->get("k", "d") != nullptr);
  REQUIRE(w->get("k", "b") == nullptr);
}

TEST_CASE("ever new texts that are released take no more memory") {
  const auto w = make(1 << 20);
  for (int i = 0; i < 20'000; ++i) {
    text* t = w->get("k", "value-" + std::to_string(i));
    REQUIRE(t != nullptr);
    w->texts.release(t);
  }
  REQUIRE(w->memory.used() <= 4 * chunk::bytes);
}

TEST_CASE("past the byte budget texts are refused, and nothing breaks") {
  const auto w = make(2 * chunk::bytes, 100'000);
  std::vector<text*> kept;
  for (int i = 0; i < 1000; ++i)
    if (text* t = w->get("k", "value-" + std::to_string(i))) kept.push_back(t);
  REQUIRE(kept.size() > 50);
  REQUIRE(kept.size() < 1000);
  REQUIRE(w->memory.used() <= 2 * chunk::bytes);
  for (text* t : kept) REQUIRE(std::string(t->data(), t->size).compare(0, 6, "value-") == 0);
  text* const freed = kept.back();
  const std::string name(freed->data(), freed->size);
  w->texts.release(freed);
  REQUIRE(w->get("k", name) == freed);  // its place is used again
}

TEST_CASE("texts longer than a chunk are refused") {
  const auto w = make();
  REQUIRE(w->get("k", std::string(chunk::bytes, 'x')) == nullptr);
  REQUIRE(w->get("k", std::string(1024, 'x')) != nullptr);
}

TEST_CASE("beyond the limit of keys values are refused, known keys go on") {
  const auto w = make(4 << 20);
  std::vector<std::string> keys;
  for (std::uint32_t i = 0; i < intern_table::max_keys + 10; ++i) keys.push_back("key-" + std::to_string(i));
  std::size_t taken = 0;
  for (const std::string& k : keys) taken += w->get(k.c_str(), "v") != nullptr ? 1 : 0;
  REQUIRE(taken == intern_table::max_keys);
  REQUIRE(w->get(keys[0].c_str(), "another") != nullptr);
}

TEST_CASE("threads that acquire and release the same texts agree on them") {
  const auto w = make(1 << 20, 64);
  std::atomic<bool> wrong{false};
  std::vector<std::thread> threads;
  for (int id = 0; id < 4; ++id)
    threads.emplace_back([&, id] {
      for (int i = 0; i < 20'000; ++i) {
        const std::string value = "v" + std::to_string((i * 7 + id) % 97);
        text* t = w->get("k", value);
        if (t == nullptr) continue;  // 64 of 97 fit at a time
        if (std::string(t->data(), t->size) != value) wrong = true;
        w->texts.release(t);
      }
    });
  for (auto& t : threads) t.join();
  REQUIRE_FALSE(wrong);
  REQUIRE_FALSE(w->texts.any_key_full());  // all references came back
  std::vector<text*> all;
  for (int i = 0; i < 64; ++i) all.push_back(w->get("k", "n" + std::to_string(i)));
  for (text* t : all) REQUIRE(t != nullptr);
}

}  // namespace intern_test
