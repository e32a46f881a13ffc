/*
 * The certificate authority of this cloud and one server certificate under it, made with OpenSSL and written beside the
 * configuration. Files that are there are kept: a client that has read the authority stays valid over our restart.
 * Certificates live by real time, however fast the simulated clock runs.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cloudsim/sim.h"

static EVP_PKEY *new_key(void)
{
    return EVP_EC_gen("P-256");
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* issuer NULL: self-signed authority. */
static X509 *new_cert(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key, long serial)
{
    X509 *c = X509_new();
    X509_NAME *subject = c ? X509_get_subject_name(c) : NULL;
    bool ok = c && X509_set_version(c, 2) && ASN1_INTEGER_set(X509_get_serialNumber(c), serial) &&
              X509_gmtime_adj(X509_getm_notBefore(c), -86400) && X509_gmtime_adj(X509_getm_notAfter(c), 86400L * 365) &&
              X509_set_pubkey(c, key) &&
              X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) &&
              X509_set_issuer_name(c, issuer ? X509_get_subject_name(issuer) : subject);

    if (ok && !issuer)
        ok = add_extension(c, c, NID_basic_constraints, "critical,CA:TRUE") &&
             add_extension(c, c, NID_key_usage, "critical,keyCertSign,cRLSign") &&
             add_extension(c, c, NID_subject_key_identifier, "hash");
    if (ok && issuer)
        ok = add_extension(c, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
             add_extension(c, issuer, NID_key_usage, "critical,digitalSignature") &&
             add_extension(c, issuer, NID_ext_key_usage, "serverAuth") &&
             add_extension(c, issuer, NID_authority_key_identifier, "keyid") &&
             add_extension(c, issuer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    ok = ok && X509_sign(c, issuer ? issuer_key : key, EVP_sha256()) > 0;
    if (ok)
        return c;
    X509_free(c);
    return NULL;
}

static bool put_pem(BIO *b, X509 *cert, EVP_PKEY *key)
{
    return (!cert || PEM_write_bio_X509(b, cert)) &&
           (!key || PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL));
}

static enum err_code write_pem(const char *dir, const char *name, unsigned mode, X509 *cert, X509 *chain, EVP_PKEY *key,
                               struct err *e)
{
    BIO *b = BIO_new(BIO_s_mem());
    enum err_code code = ERR_INTERNAL;
    char *text = NULL;
    long n;

    if (!b || !put_pem(b, cert, key) || !put_pem(b, chain, NULL)) {
        BIO_free(b);
        return err_set(e, ERR_INTERNAL, "openssl could not write %s", name);
    }
    n = BIO_get_mem_data(b, &text);
    code = file_write(dir, name, mode, sv_make(text, (size_t)n), e);
    BIO_free(b);
    return code;
}

static bool there(const char *dir, const char *name)
{
    char path[4096];

    return snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path && access(path, R_OK) == 0;
}

enum err_code tls_prepare(const char *dir, struct err *e)
{
    EVP_PKEY *ca_key, *key;
    X509 *ca = NULL, *cert = NULL;
    enum err_code code;

    if (there(dir, "ca.pem") && there(dir, "server.pem") && there(dir, "server-key.pem"))
        return ERR_OK;
    ca_key = new_key();
    key = new_key();
    if (ca_key && key)
        ca = new_cert(ca_key, "cloudsim test authority", NULL, NULL, (long)(clock_now() / NANO_PER_S));
    if (ca)
        cert = new_cert(key, "localhost", ca, ca_key, (long)(clock_now() / NANO_PER_S) + 1);
    code = cert ? ERR_OK : err_set(e, ERR_INTERNAL, "openssl could not make a certificate");
    if (!code)
        code = write_pem(dir, "ca.pem", 0644, ca, NULL, NULL, e);
    if (!code)
        code = write_pem(dir, "server-key.pem", 0600, NULL, NULL, key, e);
    if (!code)
        code = write_pem(dir, "server.pem", 0644, cert, ca, NULL, e);
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return code;
}
