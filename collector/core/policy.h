/*
 * Policy: what of a record may be written anywhere. Applied to every frame before the journal, quarantine included.
 *
 * Classes: meta is kept; identity (caller, address, user agent, actor, and what the caller sent along
 * as request metadata) is dropped, kept, or pseudonymized with a key; content is dropped. A key that cannot be read means that identity is dropped: unsure means no.
 *
 * Thread-safety: policy_apply from any thread.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "collector/config/secret.h"
#include "collector/model/record.h"

enum policy_identity { POLICY_DROP, POLICY_KEEP, POLICY_PSEUDONYMIZE };

struct policy {
    enum policy_identity identity;
    unsigned char key[64];
    size_t key_len;
};

/* Reads the key when there is one to read. ERR_CONFIG names the reference. */
MUST_USE enum err_code policy_init(struct policy *p, enum policy_identity identity, struct secret key, struct err *e);
void policy_done(struct policy *p);

void policy_apply(const struct policy *p, struct frame *f);

#endif
