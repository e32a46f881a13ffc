/* The identities, their keys and secrets: made once from the world and the seed, the keys by OpenSSL. */
#include "tests/cloudsim/gcp/gcp_access.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/cloudsim/gcp/gcp.h"
#include "tests/cloudsim/rng.h"

#define POOL "projects/%.*s/locations/global/workloadIdentityPools/trefoil"

static sv account_email(struct arena *a, const char *name, const struct gcp_world *w)
{
    return arena_printf(a, "%s@%.*s.iam.gserviceaccount.com", name, SV_ARG(w->projects[0].id));
}

static void make_subject(struct gcp_access *g, const struct gcp_world *w, enum gcp_who who, const char *name)
{
    struct arena *a = &g->arena;
    sv number = w->projects[0].number;

    g->who[who].subject = arena_printf(a, "system:serviceaccount:observability:%s", name);
    g->who[who].name = arena_printf(a, "principal://iam.googleapis.com/" POOL "/subject/%.*s", SV_ARG(number),
                                    SV_ARG(g->who[who].subject));
}

static void make_secrets(struct gcp_access *g, uint64_t seed)
{
    unsigned long long a = rng_name(seed, 'c'), b = rng_name(seed, 's'), c = rng_name(seed, 'r');

    g->client_id = arena_printf(&g->arena, "%012llu-%016llx.apps.googleusercontent.com", a % 1000000000000ULL, a);
    g->client_secret = arena_printf(&g->arena, "GOCSPX-%016llx", b);
    g->refresh_token = arena_printf(&g->arena, "1//0%016llx-%016llx", c, b ^ c);
}

/* A role of an instance on AWS, known to the pool by its ARN. */
static void make_aws(struct gcp_access *g, const struct gcp_world *w)
{
    struct arena *a = &g->arena;
    sv number = w->projects[0].number;
    unsigned long long k = rng_name(w->seed, 'k'), t = rng_name(w->seed, 't');

    g->who[GCP_AWS_ROLE] = (struct gcp_identity){
        .name = arena_printf(a,
                             "principal://iam.googleapis.com/" POOL "/subject/arn:aws:sts::444455556666:assumed-role/"
                             "trefoil-ec2/i-0123456789abcdef0",
                             SV_ARG(number)),
        .impersonates = 1 << GCP_READER,
    };
    g->aws_audience = arena_printf(a, "//iam.googleapis.com/" POOL "/providers/aws", SV_ARG(number));
    g->aws_key_id = arena_printf(a, "ASIA%016llX", k);
    g->aws_secret = arena_printf(a, "%016llx/%016llx+ecret", t, k ^ t);
    g->aws_token = arena_printf(a, "IQoJb3JpZ2lu%016llx//%016llx==", k, t);
}

static void make_identities(struct gcp_access *g, const struct gcp_world *w)
{
    g->who[GCP_ACCOUNT] = (struct gcp_identity){ .name = account_email(&g->arena, "trefoil", w),
                                                 .reads = true,
                                                 .impersonates = 1 << GCP_READER };
    g->who[GCP_READER] = (struct gcp_identity){ .name = account_email(&g->arena, "trefoil-reader", w), .reads = true };
    g->who[GCP_PERSON] = (struct gcp_identity){
        .name = SV("ops@example.com"), .reads = true, .quota_project = true, .impersonates = 1 << GCP_READER
    };
    make_subject(g, w, GCP_SUBJECT, "trefoil");
    g->who[GCP_SUBJECT].impersonates = 1 << GCP_READER | 1 << GCP_ACCOUNT;
    make_subject(g, w, GCP_DIRECT, "trefoil-direct");
    g->who[GCP_DIRECT].reads = true;
    make_aws(g, w);
    g->audience =
        arena_printf(&g->arena, "//iam.googleapis.com/" POOL "/providers/cluster", SV_ARG(w->projects[0].number));
}

struct gcp_access *gcp_access_new(const struct gcp_world *w, const char *dir, struct err *e)
{
    struct gcp_access *g = calloc(1, sizeof *g);

    if (!g) {
        err_set(e, ERR_LIMIT, "out of memory");
        return NULL;
    }
    arena_init(&g->arena, 0);
    g->issuer = SV("https://oidc.cluster.example");
    make_identities(g, w);
    make_secrets(g, w->seed);
    if (gcp_key_open(&g->key, dir, "gcp-key.pem", &g->arena, e) == ERR_OK &&
        gcp_key_open(&g->provider_key, dir, "gcp-provider-key.pem", &g->arena, e) == ERR_OK)
        return g;
    gcp_access_free(g);
    return NULL;
}

void gcp_access_free(struct gcp_access *g)
{
    if (!g)
        return;
    gcp_key_done(&g->key);
    gcp_key_done(&g->provider_key);
    arena_done(&g->arena);
    free(g);
}
