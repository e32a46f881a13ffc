/* A cloudsim with Google Cloud inside the test program, whose data handlers are called as after admission: no HTTP. */
#ifndef CLOUDSIM_TEST_GCP_CLIENT_H
#define CLOUDSIM_TEST_GCP_CLIENT_H

#include "tests/cloudsim/gcp/gcp_api.h"
#include "tests/cloudsim/gcp/gcp_calls.h"
#include "tests/cloudsim/gcp/gcp_monitoring.h"
#include "tests/cloudsim/test/truth_client.h"

#define SETTLED (ORIGIN + 40 * NANO_PER_MIN)
/* All minutes of the story, and some around it. */
#define ALL_TIME "&interval.startTime=2026-11-24T07:00:00Z&interval.endTime=2026-11-24T11:00:00Z"

static struct http_server_response reply;
static const char *fault_in_force; /* that handlers play themselves */

static inline const struct gcp_world *world(void)
{
    return &gcp_of(&sim)->world;
}

static inline void start_gcp(struct sim_options o)
{
    o.clouds = CLOUD_GCP;
    o.calls_per_minute = o.calls_per_minute > 0 ? o.calls_per_minute : 400;
    o.history_ms = 2 * 3600 * 1000;
    o.duration_ms = 10 * 60 * 1000;
    start_sim(o);
    start_truth();
}

static inline void stop_gcp(void)
{
    buf_done(&reply.body);
    buf_done(&reply.headers);
    stop_truth();
    stop_sim();
}

typedef void (*lister)(struct exchange *x, sv project, sv query);

/* The parsed answer; views of it live until the next call. `query`: as it stands in a URL, blanks may be blanks. */
static inline json list_at(lister h, sv project, int64_t now, const char *query)
{
    struct exchange x = { .sim = &sim, .r = &reply, .now = now, .fault = fault_in_force };
    json out = { .tape = NULL };

    buf_clear(&reply.body);
    reply.status = 0;
    arena_init(&x.arena, 0);
    h(&x, project, sv_of(query));
    arena_done(&x.arena);
    must(json_parse(parser, buf_sv(&reply.body), &out, NULL) == ERR_OK, "the answer is no JSON");
    return out;
}

/* The HTTP status and the google.rpc one. */
static inline bool refused_with(json answer_, int status, const char *name)
{
    return reply.status == status && sv_eq(json_sv(json_path(answer_, "error/status")), sv_of(name));
}

#endif
