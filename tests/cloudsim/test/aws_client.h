/*
 * A cloudsim with AWS inside the test program, whose handlers are called as the access layer would call them: no HTTP,
 * no signature. The clock is the test's own.
 */
#ifndef CLOUDSIM_TEST_AWS_CLIENT_H
#define CLOUDSIM_TEST_AWS_CLIENT_H

#include "tests/cloudsim/aws/aws_cloud.h"
#include "tests/cloudsim/test/truth_client.h"

static struct http_server_response reply;
static struct json_parser *body_parser;
static uint64_t metrics_charged;
static const char *fault_in_force; /* that handlers play themselves */

typedef void (*handler)(struct exchange *x);

static inline void start_aws(struct sim_options o)
{
    o.clouds = CLOUD_AWS;
    start_sim(o);
    body_parser = json_parser_new(0);
    start_truth();
}

static inline void stop_aws(void)
{
    buf_done(&reply.body);
    json_parser_free(body_parser);
    stop_truth();
    stop_sim();
}

/* The parsed answer; views of it live until the next call. */
static inline json call_at(handler h, const struct aws_account *a, sv region, int64_t now, const char *body)
{
    struct aws_request own = { .account = a, .region = region };
    struct exchange x = { .sim = &sim, .r = &reply, .now = now, .fault = fault_in_force, .own = &own };
    json out = { .tape = NULL };

    buf_clear(&reply.body);
    reply.status = 0;
    arena_init(&x.arena, 0);
    must(json_parse(body_parser, sv_of(body), &own.body, NULL) == ERR_OK, body);
    h(&x);
    metrics_charged = x.units;
    arena_done(&x.arena);
    must(json_parse(parser, buf_sv(&reply.body), &out, NULL) == ERR_OK, "the answer is no JSON");
    return out;
}

static inline json call_in(handler h, const struct aws_place *p, int64_t now, const char *body)
{
    return call_at(h, &aws_of(&sim)->world.accounts[p->account], p->region->name, now, body);
}

static inline sv refused_as(json answer_)
{
    return reply.status == 400 ? json_sv(json_get(answer_, SV("__type"))) : SV_NONE;
}

/* Body with a token: `body` ends in '}'. */
static inline const char *with_token(const char *body, const char *name, sv token)
{
    int n = (int)strlen(body) - 1;

    return token.len ? format("%.*s%s\"%s\":\"%.*s\"}", n, body, n > 1 ? "," : "", name, SV_ARG(token)) : body;
}

#endif
