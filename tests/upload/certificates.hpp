#pragma once
// Certificates for tests, made when they run: an authority of their own, and what it issues.

#include "../integration/process.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>

namespace pyro_test {

struct identity {
  std::string certificate, key;  ///< names of PEM files
};

class authority {
 public:
  /// Its files go into `where`.
  explicit authority(const temporary_directory& where) : where_(where), key_(EVP_EC_gen("P-256")), own_(make("test authority", "", -1, 1, key_)) {
    store("ca.pem", own_);
  }
  ~authority() {
    X509_free(own_);
    EVP_PKEY_free(key_);
  }
  authority(const authority&) = delete;
  authority& operator=(const authority&) = delete;

  std::string file() const { return where_ / "ca.pem"; }

  /// `names`: as in "DNS:pyroscope.test,IP:127.0.0.1". Valid from one day to another, counted from today.
  identity issue(const std::string& name, const std::string& names, int from = -1, int to = 1) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* made = make(name, names, from, to, key);
    store(name + ".pem", made);
    FILE* f = std::fopen((where_ / (name + ".key")).c_str(), "w");
    PEM_write_PrivateKey(f, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(f);
    X509_free(made);
    EVP_PKEY_free(key);
    return {where_ / (name + ".pem"), where_ / (name + ".key")};
  }

 private:
  X509* make(const std::string& name, const std::string& names, int from, int to, EVP_PKEY* key) {
    X509* x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(x), from * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(x), to * 86400L);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509* issuer = key == key_ ? x : own_;
    X509_set_issuer_name(x, X509_get_subject_name(issuer));
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x, nullptr, nullptr, 0);
    const auto add = [&](int what, const std::string& value) {
      X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
      X509_add_ext(x, e, -1);
      X509_EXTENSION_free(e);
    };
    add(NID_basic_constraints, key == key_ ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) add(NID_subject_alt_name, names);
    X509_sign(x, key_, EVP_sha256());
    return x;
  }
  void store(const std::string& name, X509* x) const {
    FILE* f = std::fopen((where_ / name).c_str(), "w");
    PEM_write_X509(f, x);
    std::fclose(f);
  }

  const temporary_directory& where_;
  long serial_ = 0;
  EVP_PKEY* key_;
  X509* own_;
};

/// A server's; with `client_ca` clients need a certificate of that authority.
inline SSL_CTX* server_context(const identity& own, const std::string& client_ca = "") {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate_file(context, own.certificate.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context, own.key.c_str(), SSL_FILETYPE_PEM);
  if (!client_ca.empty()) {
    SSL_CTX_load_verify_locations(context, client_ca.c_str(), nullptr);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

}  // namespace pyro_test
