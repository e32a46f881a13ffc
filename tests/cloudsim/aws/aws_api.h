/*
 * The front of AWS: which operation a request is, who signed it, whether it may. A row beside struct api_row says what
 * AWS's services differ in: the wire protocol, the service of the credential scope, the name of the operation there.
 *
 * Names of operations in /requests and /faults are IAM's actions: "logs:FilterLogEvents".
 */
#ifndef CLOUDSIM_AWS_API_H
#define CLOUDSIM_AWS_API_H

#include "tests/cloudsim/aws/aws_cloud.h"

enum { AWS_SESSION_DEFAULT_S = 3600, AWS_SESSION_LEAST_S = 900 };

/* Who may call. */
enum aws_right {
    AWS_ANYONE,    /* not signed at all */
    AWS_SIGNED,    /* any identity, without a permission */
    AWS_READER,    /* the collector's identities and the role in each account */
    AWS_DELEGATED, /* identities of the delegated administrator's account */
};

enum { AUD_AWS = AUD_OWN };

struct aws_row {
    struct api_row row;
    enum aws_protocol protocol;
    enum aws_right right;
    const char *service; /* of the credential scope */
    const char *target;  /* X-Amz-Target or Action; NULL: by path */
    bool global;         /* signed for us-east-1, wherever one is */
};

static inline const struct aws_row *aws_row_of(const struct exchange *x)
{
    return (const struct aws_row *)x->row;
}

/* So many a second of an account, region and API. The usual pace of FilterLogEvents, and those of certain regions. */
extern const struct quota aws_quota_log_events, aws_quota_log_events_most, aws_quota_log_events_least;

/* ---- aws_access.c ---- */

/* Whose key, which service and region, as the request claims: for faults; nothing is verified. */
void aws_identify(struct exchange *x);
/* Signature, session, permission, quota, body; answers itself when it returns false. */
bool aws_admit(struct exchange *x);

/* Refusals that every service has, each in its own dialect. */
enum aws_failure {
    AWS_FAIL_NO_TOKEN,
    AWS_FAIL_INCOMPLETE,
    AWS_FAIL_UNKNOWN_KEY,
    AWS_FAIL_SIGNATURE,
    AWS_FAIL_EXPIRED,
    AWS_FAIL_DENIED,
    AWS_FAIL_THROTTLED,
    AWS_FAIL_INTERNAL,
    AWS_FAIL_OPERATION,
    AWS_FAIL_BODY,
    AWS_FAILURES,
};
/* status 0: the usual one. */
void aws_fail(struct exchange *x, enum aws_failure kind, int status, const char *format, ...) PRINTF_LIKE(4, 5);
void aws_fail_denied(struct exchange *x);

/* ---- members of aws_cloud: aws_refuse.c, aws_truth.c, aws_config.c ---- */

const struct dialect *aws_dialect(const struct exchange *x);
void aws_truth_write(struct sim *s, struct truth_writer *w, int64_t from, int64_t until);
void aws_config_write(const struct sim *s, struct buf *b, const char *dir);

/* ---- aws_session.c: temporary credentials, which carry all that they say ---- */

struct aws_session {
    sv account, role, name;
    int64_t issued, expires; /* unix nanoseconds */
};
struct aws_keys {
    sv key_id, secret, token;
};
struct aws_keys aws_session_make(const struct sim *s, struct arena *a, const struct aws_session *session);
/* False unless the token is ours; *keys are those that belong to it. */
bool aws_session_read(struct exchange *x, sv token, struct aws_session *out, struct aws_keys *keys);
sv aws_role_id(const struct sim *s, struct arena *a, sv account, sv role); /* AROA... */
sv aws_user_id(const struct sim *s, struct arena *a);                      /* AIDA... of the collector's user */

/* The collector's own role, which instances, tasks and pods get. */
#define AWS_COLLECTOR_ROLE "trefoil-collector"
#define AWS_COLLECTOR_USER "trefoil"

/* Secrets and files for the credential chain, in `dir`: aws-credentials, aws-config, aws-external-id,
 * aws-web-identity-token, aws-container-token. */
MUST_USE enum err_code aws_access_write(const struct sim *s, const char *dir, struct err *e);
/* The projected token alone, renewed like a kubelet does. */
MUST_USE enum err_code aws_web_token_write(const struct sim *s, struct err *e);

/* Regions of an account besides those of the world: some answer but hold nothing of Bedrock, one is switched off. */
bool aws_region_answers(sv name);
bool aws_region_disabled(sv name);

/* ---- handlers ---- */

void aws_assume_role(struct exchange *x);
void aws_assume_role_with_web_identity(struct exchange *x);
void aws_get_caller_identity(struct exchange *x);
void aws_imds_token(struct exchange *x);
void aws_imds_roles(struct exchange *x);
void aws_imds_credentials(struct exchange *x);
void aws_imds_region(struct exchange *x);
void aws_container_credentials(struct exchange *x);

void aws_list_accounts(struct exchange *x);
void aws_list_accounts_for_parent(struct exchange *x);
void aws_list_ous_for_parent(struct exchange *x);
void aws_list_roots(struct exchange *x);
void aws_list_parents(struct exchange *x);
void aws_list_account_tags(struct exchange *x);
void aws_describe_organization(struct exchange *x);
void aws_list_regions(struct exchange *x);

void aws_get_logging(struct exchange *x);
void aws_list_profiles(struct exchange *x);
void aws_get_profile(struct exchange *x);
void aws_list_tags(struct exchange *x);
void aws_list_models(struct exchange *x);
void aws_list_provisioned(struct exchange *x);
void aws_list_service_quotas(struct exchange *x);
void aws_describe_trails(struct exchange *x);
void aws_get_trail_status(struct exchange *x);

/* ---- for handlers ---- */

sv aws_text(const struct exchange *x, const char *member); /* a string of the JSON body; empty when absent */
/* Opaque paging tokens of the form name + offset. False: answered, with `code`. Absent is 0. */
bool aws_offset(struct exchange *x, sv token, const char *name, const char *code, unsigned *out);
sv aws_next(struct exchange *x, const char *name, unsigned offset);
void put_xml(struct buf *b, sv text);

#endif
