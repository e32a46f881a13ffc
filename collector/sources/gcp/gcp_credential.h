/*
 * A credential file of Google's, read and judged. Inside of the gcp folder; callers see gcp_auth.h.
 *
 * Ownership:     all views live in the arena, secrets among them; gcp_credential_wipe overwrites those.
 * Errors:        ERR_CONFIG: what is missing, wrong or not supported, by the field's name, never by its content.
 * Thread-safety: pure functions.
 */
#ifndef GCP_CREDENTIAL_H
#define GCP_CREDENTIAL_H

#include "collector/sources/gcp/gcp_hosts.h"

enum { GCP_FILE_BYTES_MAX = 64 << 10, GCP_HEADERS_MAX = 8, GCP_DELEGATES_MAX = 8 };

enum gcp_type {
    GCP_METADATA, /* no file: the metadata server */
    GCP_SERVICE_ACCOUNT,
    GCP_AUTHORIZED_USER,
    GCP_EXTERNAL_ACCOUNT,
    GCP_EXTERNAL_USER,
    GCP_IMPERSONATED,
};

/* Where an external account's own proof is got, at every renewal. */
struct gcp_subject {
    sv file;  /* terminated; or */
    sv url;   /* a GET; or */
    bool aws; /* a request to AWS's STS, signed with the machine's keys, and where those are found: */
    sv aws_verification_url, aws_region_url, aws_keys_url, aws_session_url;
    sv field; /* of the JSON that it is in; empty: the whole text */
    struct {
        sv name, value;
    } headers[GCP_HEADERS_MAX];
    size_t n_headers;
};

/* url empty: none. */
struct gcp_impersonation {
    sv url, email;
    int64_t life_s;
    sv delegates[GCP_DELEGATES_MAX];
    size_t n_delegates;
};

struct gcp_credential {
    enum gcp_type type;
    sv email, key_id, key; /* service account; key: PEM */
    sv client_id, client_secret, refresh_token;
    sv token_url;                         /* admitted; empty where no call is needed */
    sv audience, subject_type, workforce; /* external account; workforce: project to bill */
    struct gcp_subject subject;
    struct gcp_impersonation impersonation;
    struct gcp_credential *source; /* of GCP_IMPERSONATED */
    sv project_id, quota_project;  /* empty: not told */
};

/* `exchange_key`: a service account's token_uri is needed. */
MUST_USE enum err_code gcp_credential_parse(sv text, const struct gcp_hosts *h, bool exchange_key, struct arena *a,
                                            struct gcp_credential *out, struct err *e);
void gcp_credential_wipe(struct gcp_credential *c);

/* "service account key", for messages. */
const char *gcp_type_name(enum gcp_type type);

#endif
