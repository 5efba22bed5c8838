#pragma once
// Takes profiles and throws them away: for tests, and to measure what collecting alone costs. Threads: as every exporter.

#include <pyro/export/exporter.hpp>

#include <cstdint>  // counts

namespace pyro {

class null_exporter : public exporter {
 public:
  const char* name() const noexcept override { return "null"; }

  export_result export_profile(const profile& window) override {
    ++profiles_;
    rows_ += window.samples.size();
    return export_result::success();
  }

  bool after_fork() noexcept override { return true; }

  std::uint64_t profiles() const noexcept { return profiles_; }  ///< windows received
  std::uint64_t rows() const noexcept { return rows_; }          ///< rows of all of them

 private:
  std::uint64_t profiles_ = 0;
  std::uint64_t rows_ = 0;
};

}  // namespace pyro
