#pragma once
// HTTPS for the uploader, by OpenSSL (link with -lssl -lcrypto): include this beside pyro/export/pyroscope.hpp, nothing else is needed.
// The server's certificate and name are always verified; a CA of one's own and a client certificate are settings (tls_…). Runs in the
// uploader's thread.

#include <pyro/export/http.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <openssl/crypto.h>  // OPENSSL_thread_stop

namespace pyro {
namespace detail PYRO_HIDDEN {

class openssl_layer final : public secure_layer {
 public:
  /// Null, and why, where a file cannot be used.
  static std::unique_ptr<secure_layer> make(const tls_files& files, std::string& why_not) {
    auto made = std::make_unique<openssl_layer>();
    boost::system::error_code error;
    const auto fail = [&](const char* setting, const std::string& file) {
      why_not = std::string(setting) + ": cannot use \"" + file + "\": " + error.message() + "; it must be a readable PEM file";
      return nullptr;
    };
    made->context_.set_verify_mode(asio::ssl::verify_peer, error);
    if (files.ca.empty()) made->context_.set_default_verify_paths(error);
    else made->context_.load_verify_file(files.ca, error);
    if (error) return fail("tls_ca_file", files.ca.empty() ? "the system's authorities" : files.ca);
    if (!files.certificate.empty()) {
      made->context_.use_certificate_chain_file(files.certificate, error);
      if (error) return fail("tls_certificate_file", files.certificate);
      const std::string& key = files.key.empty() ? files.certificate : files.key;  // one file may hold both
      made->context_.use_private_key_file(key, asio::ssl::context::pem, error);
      if (error) return fail("tls_key_file", key);
    }
    return made;
  }

  void exchange(tcp_stream& connected, http_exchange& x) override {
    asio::ssl::stream<tcp_stream&> stream(connected, context_);
    boost::system::error_code error;
    stream.set_verify_callback(asio::ssl::host_name_verification(x.server.host), error);
    boost::system::error_code is_name;
    asio::ip::make_address(x.server.host, is_name);  // names alone go into SNI (RFC 6066, 3)
    if (is_name) SSL_set_tlsext_host_name(stream.native_handle(), x.server.host.c_str());
    connected.expires_at(x.step_end());
    error = run_one(x, [&](auto&& done) { stream.async_handshake(asio::ssl::stream_base::client, std::move(done)); });
    if (error) return void(fail(stream, x, error));
    send_and_receive(stream, connected, x);
    if (x.answer.status == 0 && refuses_certificate(x.read)) {
      x.answer.phase = http_phase::not_connected;
      x.fail("agreeing on TLS with it", x.read);
      x.answer.error += " (it wants a client certificate that it knows: tls_certificate_file, tls_key_file)";
    }
  }

 private:
  /// In TLS 1.3 a server looks at the client's certificate, and refuses it by an alert, when for the client all is agreed and the request is out;
  /// it has not looked at that (RFC 8446, 4.4.2.4 and 6.2).
  static bool refuses_certificate(const boost::system::error_code& error) {
    if (error.category() != asio::error::get_ssl_category()) return false;
    const int alert = ERR_GET_REASON(static_cast<unsigned long>(error.value())) - SSL_AD_REASON_OFFSET;
    return (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_ACCESS_DENIED) || alert == SSL_AD_CERTIFICATE_REQUIRED;
  }

  static bool fail(asio::ssl::stream<tcp_stream&>& stream, http_exchange& x, const boost::system::error_code& error) {
    x.fail("agreeing on TLS with it", error);
    const long verified = ::SSL_get_verify_result(stream.native_handle());
    // Unspecified: not OpenSSL refused it, but the look at the name.
    if (verified == X509_V_ERR_UNSPECIFIED) x.answer.error += " (its certificate is not for " + x.server.host + ")";
    else if (verified != X509_V_OK)
      x.answer.error += std::string(" (") + ::X509_verify_cert_error_string(verified) + "; tls_ca_file names an authority of your own)";
    return false;
  }

  /// What OpenSSL keeps for the thread would otherwise go when that has left all its functions, beside OpenSSL's own end at exit perhaps.
  struct thread_end {
    ~thread_end() { ::OPENSSL_thread_stop(); }
  };

  thread_end after_context_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
};

// Registers TLS before main, in the executable or shared object that includes this header.
inline const bool tls_registered = (tls_slot.store(&openssl_layer::make), true);

}  // namespace detail
}  // namespace pyro
