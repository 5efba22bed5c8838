// What a report's page costs the program that writes it: time and memory to gather windows and to write the page, and its size. The run is
// made up: three regions with three vehicles each, every region in a process of its own, deep and wide stacks with names as C++ has them.
//
//   g++ -std=c++17 -O2 -Iinclude benchmarks/pages.cpp -o build/pages -lz
//   build/pages --stacks 50000 --windows 60 --rows 500000 --types 5 large.html      468,000 nodes
//   build/pages --stacks 8300 --windows 60 --rows 100000 --raw medium.html          78,000 nodes x 100,000 rows: at most 3 MB
//   build/pages --stacks 30000 --windows 400 --rows 3000000 bounded.html            past the limits of a page
//   build/pages --fresh --stacks 60000 --windows 2000 --rows 2000000 month.html     stacks, names and tag values without end
#include <pyro/encode/html.hpp>
#include <pyro/encode/zlib.hpp>
#include <pyro/model/builder.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double resident_mib() {
  long pages = 0, ignored = 0;
  if (std::FILE* f = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(f, "%ld %ld", &ignored, &pages) != 2) pages = 0;
    std::fclose(f);
  }
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// The same numbers everywhere (xorshift).
class numbers {
 public:
  double one() noexcept {  // [0, 1)
    s_ ^= s_ << 13U;
    s_ ^= s_ >> 17U;
    s_ ^= s_ << 5U;
    return s_ / 4294967296.0;
  }
  std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(one() * static_cast<double>(n)); }
  /// Small ones are more frequent, the more so with a larger `power`.
  std::size_t skewed(std::size_t n, int power) noexcept {
    double x = 1;
    while (power-- > 0) x *= one();
    return static_cast<std::size_t>(x * static_cast<double>(n));
  }

 private:
  std::uint32_t s_ = 20'261'125;
};

struct options {
  std::size_t stacks = 50'000, windows = 60, rows = 500'000, types = 5;
  bool raw = false, fresh = false;
  std::string out;
};

/// Stacks, and profiles of windows in which they were sampled.
class synthetic_run {
 public:
  explicit synthetic_run(const options& o) : o_(o), builder_(std::make_unique<pyro::profile_builder>(base_)) {
    base_.application = "ride-sharing-app";
    base_.engine = "thread_timers";
    base_.period = 10'000'000;
    base_.duration_ns = 10'000'000'000;
    const std::vector<pyro::value_type> all = {{"calls", "count"}, {"alloc_space", "bytes"}, {"wall", "nanoseconds"}, {"samples", "count"}, {"cpu", "nanoseconds"}};
    base_.sample_types.assign(all.end() - static_cast<std::ptrdiff_t>(std::min(o_.types, all.size())), all.end());
    pyro::mapping binary;
    binary.filename = builder_->text("/usr/local/bin/rideshare");
    builder_->add_mapping(binary);
    for (const char* name : {"main", "rideshare::server::serve(int)", "rideshare::bike_handler(request const&)", "rideshare::car_handler(request const&)",
                             "rideshare::scooter_handler(request const&)", "rideshare::find_nearest_vehicle(int, vehicle_kind)"})
      frames_.push_back(frame(name));
    const std::size_t functions = std::min<std::size_t>(20'000, std::max<std::size_t>(3'000, o_.stacks / 12));
    while (frames_.size() < functions) frames_.push_back(frame(name()));
    make_stacks(o_.stacks);
    labels_ = {builder_->add_labels({{builder_->text("vehicle"), builder_->text("bike")}}), builder_->add_labels({{builder_->text("vehicle"), builder_->text("car")}}),
               builder_->add_labels({{builder_->text("vehicle"), builder_->text("scooter")}})};
  }

  /// One window of a region. Each row has a value of every type in about half of the cases, CPU time always.
  const pyro::profile& window(std::size_t number, std::size_t region) {
    static const char* const regions[] = {"eu-north", "us-east", "ap-south"};
    pyro::profile& p = base_;
    p.time_ns = 1'795'529'700'000'000'000 + static_cast<std::int64_t>(number) * p.duration_ns + static_cast<std::int64_t>(region) * 3'000'000;
    p.static_tags = {{"region", regions[region]}, {"version", "1.4.2"}};
    p.samples.clear();
    p.values.clear();
    if (o_.fresh) {  // other names, stacks and orders than ever before
      builder_.reset();
      const std::vector<pyro::value_type> types = p.sample_types;
      const std::int64_t begin = p.time_ns;
      const auto tags = p.static_tags;
      p = pyro::profile();
      p.application = "ride-sharing-app";
      p.sample_types = types;
      p.time_ns = begin;
      p.duration_ns = 10'000'000'000;
      p.period = 10'000'000;
      p.static_tags = tags;
      builder_ = std::make_unique<pyro::profile_builder>(p);
      frames_.clear();
      leaves_.clear();
      while (frames_.size() < 500) frames_.push_back(frame(name()));
      make_stacks(o_.stacks / 100);
      labels_.clear();
      for (int i = 0; i < 20; ++i) labels_.push_back(builder_->add_labels({{builder_->text("order"), builder_->text("order-" + std::to_string(++orders_))}}));
    }
    const std::size_t wanted = o_.rows / (o_.windows * 3 * p.sample_types.size()) + 1;
    std::vector<std::int64_t> values(p.sample_types.size());
    for (std::size_t i = 0; i < wanted; ++i) {
      const auto samples = static_cast<std::int64_t>(1 + random_.skewed(40, 4));
      for (std::int64_t& v : values) v = samples;
      values.back() = samples * p.period;
      builder_rows_.push_back({leaves_[random_.skewed(leaves_.size(), 2)], labels_[random_.below(labels_.size())]});
      p.samples.push_back(builder_rows_.back());
      p.values.insert(p.values.end(), values.begin(), values.end());
    }
    builder_rows_.clear();
    return p;
  }

 private:
  std::uint32_t frame(const std::string& name) {
    pyro::function f;
    f.name = builder_->text(name);
    f.file = builder_->text("src/module_" + std::to_string(random_.below(200)) + ".cpp");
    f.start_line = static_cast<std::int64_t>(random_.below(2'000)) + 1;
    pyro::frame made;
    made.function = builder_->add_function(f);
    made.kind = pyro::frame_kind::native;
    return builder_->add_frame(made);
  }

  std::string name() {
    static const char* const spaces[] = {"rideshare", "std", "boost::asio::detail", "absl::container_internal", "grpc_core", "folly", "nlohmann::detail", "fmt::v10::detail"};
    static const char* const verbs[] = {"find", "insert", "resize", "compute", "parse", "dispatch", "invoke", "do_complete", "rehash", "serialize", "visit", "allocate"};
    static const char* const nouns[] = {"vehicle", "order", "driver", "route", "index", "buffer", "socket", "executor", "string", "heap", "map", "queue"};
    static const char* const types[] = {"int", "std::string", "rideshare::vehicle", "std::vector<double>", "std::pair<const int, rideshare::order>", "char"};
    return std::string(spaces[random_.below(8)]) + "::" + verbs[random_.below(12)] + "_" + nouns[random_.below(12)] + "<" + types[random_.below(6)] + ">(" +
           types[random_.below(6)] + " const&, " + std::to_string(++names_) + ")";
  }

  void make_stacks(std::size_t count) {
    const std::size_t before = base_.stacks.size();
    for (std::size_t i = 0; leaves_.size() < count && i < 4 * count; ++i) {
      std::uint32_t at = builder_->add_stack(pyro::no_stack, frames_[0]);
      at = builder_->add_stack(at, frames_[1]);
      at = builder_->add_stack(at, frames_[2 + random_.below(3)]);
      at = builder_->add_stack(at, frames_[5]);
      std::size_t f = 6 + random_.skewed(60, 3);
      for (std::size_t depth = 2 + random_.skewed(66, 2); depth-- > 0;) {
        at = builder_->add_stack(at, frames_[f % frames_.size()]);
        f = f * 7 + random_.below(5) * 131 + 1;  // each function calls a few others
      }
      if (leaves_.empty() || at >= before) leaves_.push_back(at);
    }
  }

  options o_;
  numbers random_;
  pyro::profile base_;
  std::unique_ptr<pyro::profile_builder> builder_;
  std::vector<std::uint32_t> frames_, leaves_, labels_;
  std::vector<pyro::sample> builder_rows_;
  std::size_t names_ = 0, orders_ = 0;
};

bool parse(int argc, char** argv, options& o) {
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    std::size_t* const number = a == "--stacks" ? &o.stacks : a == "--windows" ? &o.windows : a == "--rows" ? &o.rows : a == "--types" ? &o.types : nullptr;
    if (number != nullptr && i + 1 < argc) *number = std::strtoull(argv[++i], nullptr, 10);
    else if (a == "--raw") o.raw = true;
    else if (a == "--fresh") o.fresh = true;
    else if (!a.empty() && a[0] != '-' && o.out.empty()) o.out = a;
    else return false;
  }
  return !o.out.empty() && o.windows != 0 && o.types != 0 && o.stacks != 0;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  if (!parse(argc, argv, o)) {
    std::fprintf(stderr, "usage: pages [--stacks N] [--windows N] [--rows N] [--types 1-5] [--raw] [--fresh] OUT.html\n");
    return 2;
  }
  if (o.raw) pyro::detail::compressor_slot.store(nullptr);
  synthetic_run run(o);
  const double before_mib = resident_mib();
  pyro::html_report report;
  double gather = 0, slowest = 0, most_mib = 0;
  std::uint64_t cpu = 0;
  for (std::size_t w = 0; w < o.windows; ++w)
    for (std::size_t region = 0; region < 3; ++region) {
      const pyro::profile& p = run.window(w, region);
      cpu += static_cast<std::uint64_t>(p.total(p.sample_types.size() - 1));
      const double begin = now();
      report.add(p);
      const double took = now() - begin;
      gather += took;
      slowest = std::max(slowest, took);
      if (w % 16 == 15 || w + 1 == o.windows) most_mib = std::max(most_mib, resident_mib() - before_mib);
    }
  std::FILE* out = std::fopen(o.out.c_str(), "wb");
  if (out == nullptr) {
    std::perror(o.out.c_str());
    return 1;
  }
  const double begin = now();
  std::size_t bytes = 0;
  bool good = true;
  report.write([&](std::string_view part) {
    bytes += part.size();
    good = good && std::fwrite(part.data(), 1, part.size(), out) == part.size();
  });
  good = std::fclose(out) == 0 && good;
  const double write = now() - begin;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  std::printf("%s: %.2f MB; gathered in %.0f ms (slowest window %.0f ms, %.1f MiB held), written in %.0f ms; peak %.0f MiB with the made-up profiles; CPU time %.3f s\n",
              o.out.c_str(), static_cast<double>(bytes) / 1e6, gather * 1e3, slowest * 1e3, most_mib, write * 1e3, static_cast<double>(used.ru_maxrss) / 1024,
              static_cast<double>(cpu) / 1e9);
  const std::string data = report.data();
  std::printf("  data %.2f MB; header: %.0f kB\n", static_cast<double>(data.size()) / 1e6,
              static_cast<double>(static_cast<unsigned char>(data[0]) | static_cast<unsigned char>(data[1]) << 8 | static_cast<unsigned char>(data[2]) << 16) / 1e3);
  for (const char* what : {"\"nodes\":", "\"notes\":"}) {
    const std::size_t at = data.find(what);
    std::printf("  %s\n", data.substr(at, std::strcmp(what, "\"nodes\":") == 0 ? data.find(',', at) - at : data.find(']', at) + 1 - at).c_str());
  }
  std::size_t rows = 0;
  for (std::size_t at = 0; (at = data.find("\"rows\":", at)) != std::string::npos; at += 7) rows += std::strtoull(data.c_str() + at + 7, nullptr, 10);
  std::printf("  rows %zu\n", rows);
  return good ? 0 : 1;
}
