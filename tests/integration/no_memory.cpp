// Memory that runs out while a window is closed and delivered, at each single allocation in turn: the window may be lost, and that is said; the
// program goes on, and the next window is whole.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "check.hpp"
#include "rows.hpp"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>

namespace {
thread_local int allocations_left = -1;  ///< then one is refused; negative: none ever
bool refuse() { return allocations_left >= 0 && allocations_left-- == 0; }
}  // namespace

// Not inlined: g++ would see malloc and free through them, and warn of a mismatch.
__attribute__((noinline)) void* operator new(std::size_t size) {
  if (refuse()) throw std::bad_alloc();
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return refuse() ? nullptr : std::malloc(size); }
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace {

void work(int i) {
  PYRO_TAG("job", i);
  PYRO_SCOPE("a scope with a name that is too long for a short string");
}

}  // namespace

int main() {
  auto memory = std::make_shared<pyro_test::memory_exporter>();
  int said = 0;
  pyro::config c;
  c.background = false;
  c.exporters = {memory};
  c.log = [&said](pyro::log_level, const std::string& text) { said += text.find("out of memory") != std::string::npos; };
  auto p = pyro::configure(c);
  CHECK(p);
  int lost = 0, n = 0;
  for (bool refused = true; refused && n < 100'000; ++n) {
    for (int i = 0; i < 20; ++i) work(i);
    const int before = said;
    const std::uint64_t failures = p.stats().export_failures;  // the exporter's own: said at the first
    allocations_left = n;
    const bool sent = p.flush(std::chrono::milliseconds(1000));
    refused = allocations_left < 0;
    allocations_left = -1;
    CHECK(sent || refused);
    if (sent) continue;
    ++lost;
    CHECK(said + static_cast<int>(p.stats().export_failures - failures) >= before + 1);
  }
  std::fprintf(stderr, "%d allocations in a window, %d windows lost\n", n, lost);
  CHECK(n > 50);
  CHECK(lost > 50);

  CHECK(p.flush());
  const auto calls = [&] {
    std::int64_t sum = 0;
    for (const auto& r : memory->rows()) sum += r.second.calls;
    return sum;
  };
  const std::int64_t before = calls();
  for (int i = 0; i < 20; ++i) work(i);
  std::thread([] { work(1); }).join();  // its tree goes to those of ended threads
  CHECK(p.flush());
  CHECK_EQUAL(calls() - before, 21);
  return pyro_test::result();
}
