#pragma once
// What a user reads of a push that did not arrive: which server, what it says, which setting. Never a password or a token, also where the server
// repeats it. The uploader's thread.

#include <pyro/encode/utf8.hpp>
#include <pyro/export/http.hpp>

#include <algorithm>  // sort
#include <string>
#include <utility>  // move
#include <vector>   // secrets

namespace pyro {
namespace detail PYRO_HIDDEN {

class push_words {
 public:
  /// `server`: its address without user and password.
  explicit push_words(std::string server) : server_(std::move(server)) {}

  const std::string& server() const noexcept { return server_; }

  /// Not to be repeated; what is too short for that is left, it would be found everywhere.
  void hide(const std::string& secret) {
    if (secret.size() < 3) return;
    secrets_.push_back(secret);  // the longest first: a short one may be a part of it
    std::sort(secrets_.begin(), secrets_.end(), [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  }

  std::string problem(const http_answer& answer) const {
    if (answer.status == 0) return server_ + (answer.phase == http_phase::not_connected ? " cannot be reached (server_address): " : " has not answered: ") + answer.error;
    std::string text = server_ + " answers " + std::to_string(answer.status);
    if (!answer.location.empty()) text += ", go to " + one_line(without_secrets(answer.location).substr(0, 200));
    // Connect's errors are JSON; what is in it is for people.
    if (!answer.body.empty()) text += ": " + one_line(without_secrets(answer.body).substr(0, 300));
    return text;
  }

  /// What to do about it.
  static const char* advice(unsigned status) noexcept {
    switch (status) {
      case 301:
      case 302:
      case 303:
      case 307:
      case 308: return "; set server_address to where it points";
      case 401:
      case 403: return "; check basic_auth_user and basic_auth_password, auth_token, tenant_id";
      case 404:
      case 405: return "; is server_address that of a Pyroscope server, with its path prefix if it has one?";
      case 413: return "; the server's limit of a request is below the usual 4 MiB";
      case 407: return "; check user and password of the proxy (http_proxy)";
      case 415: return "; is there a proxy that changes Content-Type?";
      default: return "";
    }
  }

 private:
  /// Some servers repeat what they were sent.
  std::string without_secrets(std::string text) const {
    for (const std::string& secret : secrets_)
      for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) text.replace(at, secret.size(), "***");
    return text;
  }

  const std::string server_;
  std::vector<std::string> secrets_;
};

}  // namespace detail
}  // namespace pyro
