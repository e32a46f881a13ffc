/*
 * What a Google API says with an error: a google.rpc.Status with details, or the older form with `errors`. Status alone does
 * not tell a switched-off API from a missing role.
 *
 * Thread-safety: pure functions.
 */
#ifndef GCP_ERROR_H
#define GCP_ERROR_H

#include "collector/net/http_client.h"

enum { GCP_ERROR_NAME_MAX = 64, GCP_ERROR_TEXT_MAX = 200 };

struct gcp_error {
    enum err_code code;
    char status[GCP_ERROR_NAME_MAX + 1];   /* "RESOURCE_EXHAUSTED"; empty: the answer names none */
    char reason[GCP_ERROR_NAME_MAX + 1];   /* of ErrorInfo, or of the older form: "SERVICE_DISABLED"; empty: not told */
    char service[GCP_ERROR_NAME_MAX + 1];  /* of ErrorInfo: "monitoring.googleapis.com"; empty: not told */
    char consumer[GCP_ERROR_NAME_MAX + 1]; /* the project whose quota was to be taken, without "projects/" */
    char message[GCP_ERROR_TEXT_MAX + 1];
    int64_t retry_ms; /* of RetryInfo; 0: not told */
};

void gcp_error_read(const struct http_response *r, struct gcp_error *out);

/* For struct source_request.judge and .wait. */
enum err_code gcp_judge(const struct http_response *r);
int64_t gcp_wait(const struct http_response *r);

/* Makes of an error of source_call one that says what to do: `remedy` is the role to grant. */
enum err_code gcp_explain(const struct http_response *r, const char *api, const char *project, const char *remedy,
                          enum err_code code, struct err *e);

#endif
