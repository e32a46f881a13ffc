/*
 * A table says which members of which record belong to which class; symbols that no record refers to any more are not written
 * by the codec, so dropping the reference drops the text.
 *
 * A pseudonym is the first 128 bits of HMAC-SHA-256 over the text in lower case, in hex: the same person has the same pseudonym as
 * long as the key lives, and nobody can go back without it.
 */
#include "collector/core/policy.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { PSEUDONYM_BYTES = 16, KEY_LEAST = 16 };

/* clang-format off */
static const size_t call_identity[] = {
    offsetof(struct call, caller_principal), offsetof(struct call, caller_ip), offsetof(struct call, user_agent),
};
static const size_t measure_identity[] = { offsetof(struct measure, caller) };
static const sv charge_identity[] = { SVT("api_key_id"), SVT("user_id") }; /* names in extra: whose money it was */
static const size_t audit_identity[] = { offsetof(struct audit, actor), offsetof(struct audit, actor_ip) };
/* clang-format on */

enum err_code policy_init(struct policy *p, enum policy_identity identity, struct secret key, struct err *e)
{
    struct buf bytes;
    enum err_code code;

    *p = (struct policy){ .identity = identity };
    if (identity != POLICY_PSEUDONYMIZE)
        return ERR_OK;
    buf_init(&bytes, SECRET_BYTES_MAX);
    code = secret_read(key, &bytes, e);
    if (code == ERR_OK && bytes.len < KEY_LEAST)
        code = err_set(e, ERR_CONFIG, "privacy.caller.pseudonymize: the key has %zu bytes, at least %d are needed",
                       bytes.len, KEY_LEAST);
    if (code == ERR_OK) {
        unsigned n = sizeof p->key;

        /* A key of any length, as HMAC would hash a long one. */
        if (EVP_Digest(bytes.at, bytes.len, p->key, &n, EVP_sha512(), NULL))
            p->key_len = n;
        else
            code = err_set(e, ERR_INTERNAL, "privacy: cannot hash the key");
    }
    secret_wipe(&bytes);
    return code;
}

void policy_done(struct policy *p)
{
    OPENSSL_cleanse(p->key, sizeof p->key);
    p->key_len = 0;
}

/* Empty when memory is out: then nothing is written instead. */
static sv pseudonym(const struct policy *p, struct arena *a, sv who)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char mac[EVP_MAX_MD_SIZE];
    char text[2 * PSEUDONYM_BYTES];
    sv name = arena_lower(a, who);

    if (!name.at || !HMAC(EVP_sha256(), p->key, (int)p->key_len, (const unsigned char *)name.at, name.len, mac, NULL))
        return SV_NONE;
    for (int i = 0; i < PSEUDONYM_BYTES; i++) {
        text[2 * i] = hex[mac[i] >> 4];
        text[2 * i + 1] = hex[mac[i] & 15];
    }
    return arena_copy(a, sv_make(text, sizeof text));
}

static bool hashes(const struct policy *p)
{
    return p->identity == POLICY_PSEUDONYMIZE && p->key_len;
}

static void apply_identity(const struct policy *p, struct batch *b, void *record, const size_t *members, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sym *who = (sym *)((char *)record + members[i]);

        if (*who && p->identity != POLICY_KEEP)
            *who = hashes(p) ? batch_sym(b, pseudonym(p, b->arena, batch_sv(b, *who))) : 0;
    }
}

/* What a caller sent along may say who he is: his words go the way of identity. */
static void apply_metadata(const struct policy *p, struct batch *b, struct call *c)
{
    if (p->identity == POLICY_KEEP)
        return;
    if (!hashes(p))
        c->n_metadata = 0;
    for (size_t i = 0; i < c->n_metadata; i++)
        c->metadata[i].value = pseudonym(p, b->arena, c->metadata[i].value);
}

static bool names_payer(const struct batch *b, const struct key_value *kv)
{
    sv name = batch_sv(b, kv->name);

    for (size_t i = 0; i < sizeof charge_identity / sizeof charge_identity[0]; i++)
        if (sv_eq(name, charge_identity[i]))
            return true;
    return false;
}

static void apply_charge(const struct policy *p, struct batch *b, struct charge *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->n_extra; i++) {
        bool who = p->identity != POLICY_KEEP && names_payer(b, &c->extra[i]);

        if (who && !hashes(p))
            continue;
        c->extra[kept] = c->extra[i];
        if (who)
            c->extra[kept].value = pseudonym(p, b->arena, c->extra[i].value);
        kept++;
    }
    c->n_extra = kept;
}

void policy_apply(const struct policy *p, struct frame *f)
{
    for (struct batch *b = f->batches; b; b = b->next) {
        for (size_t i = 0; i < b->n_calls; i++) {
            apply_identity(p, b, &b->calls[i], call_identity, sizeof call_identity / sizeof call_identity[0]);
            apply_metadata(p, b, &b->calls[i]);
            b->calls[i].content_input = b->calls[i].content_output = SV_NONE;
        }
        for (size_t i = 0; i < b->n_measures; i++)
            apply_identity(p, b, &b->measures[i], measure_identity,
                           sizeof measure_identity / sizeof measure_identity[0]);
        for (size_t i = 0; i < b->n_charges; i++)
            apply_charge(p, b, &b->charges[i]);
        for (size_t i = 0; i < b->n_audits; i++)
            apply_identity(p, b, &b->audits[i], audit_identity, sizeof audit_identity / sizeof audit_identity[0]);
    }
    /* What could not be mapped could be anything, so its text is not kept unless identity is: place, reason and length are. */
    for (size_t i = 0; i < f->n_quarantined && p->identity != POLICY_KEEP; i++) {
        f->quarantined[i].truncated = f->quarantined[i].truncated || f->quarantined[i].bytes.len > 0;
        f->quarantined[i].bytes = SV_NONE;
    }
}
