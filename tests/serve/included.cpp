// The one file that includes the live view; Boost is compiled here alone.
#include "included.hpp"

#include <pyro/encode/zlib.hpp>
#include <pyro/export/serve.hpp>

namespace {

std::chrono::milliseconds for_a_cut;

std::shared_ptr<pyro::live_view> make_impatient(const pyro::config& settings, pyro::log_callback log, pyro::detail::cut_window cut, std::string& why_not) {
  pyro::detail::serve_limits limits;
  limits.request = limits.answer = std::chrono::milliseconds(1500);
  limits.linger = std::chrono::milliseconds(300);
  limits.cut = for_a_cut;
  limits.report = std::chrono::milliseconds(500);
  auto made = std::make_shared<pyro::serve>(settings, std::move(log), std::move(cut), limits);
  why_not = made->error();
  return why_not.empty() ? made : nullptr;
}

}  // namespace

pyro_test::impatient::impatient(int cut_ms) {
  for_a_cut = std::chrono::milliseconds(cut_ms);
  pyro::detail::live_view_slot.store(&make_impatient);
}
pyro_test::impatient::~impatient() { pyro::detail::live_view_slot.store(&pyro::detail::make_serve); }
