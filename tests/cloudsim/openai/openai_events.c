/*
 * What administrators do: audit events of the organization and of its tenant, some of which stand in both listings. Now
 * and then three happen in one second.
 */
#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/rng.h"
#include "tests/cloudsim/story.h"

/* Of a minute on average, and the longest time until one is visible. */
#define EVENTS_A_MINUTE 0.4
enum { VISIBLE_WITHIN_S = 600 };

/* clang-format off */
const struct openai_event_type openai_event_types[OPENAI_EVENT_TYPES] = {
    { "api_key.created",            false, "{\"id\":ID,\"data\":{\"scopes\":[\"api.model.request\"]}}" },
    { "api_key.updated",            false, "{\"id\":ID,\"changes_requested\":{\"scopes\":[\"api.model.read\",\"api.usage.read\"]}}" },
    { "api_key.deleted",            false, "{\"id\":ID}" },
    { "service_account.created",    false, "{\"id\":ID,\"data\":{\"role\":\"member\"}}" },
    { "service_account.deleted",    false, "{\"id\":ID}" },
    { "user.added",                 false, "{\"id\":ID,\"data\":{\"role\":\"reader\"}}" },
    { "user.updated",               false, "{\"id\":ID,\"changes_requested\":{\"role\":\"owner\"}}" },
    { "project.created",            false, "{\"id\":ID,\"data\":{\"name\":\"sandbox\",\"title\":\"Sandbox\"}}" },
    { "project.updated",            false, "{\"id\":ID,\"changes_requested\":{\"title\":\"Sandbox 2\"}}" },
    { "rate_limit.updated",         false, "{\"id\":ID,\"changes_requested\":{\"max_requests_per_1_minute\":500,\"max_tokens_per_1_minute\":200000}}" },
    { "organization.updated",       false, "{\"id\":ID,\"changes_requested\":{\"api_call_logging\":\"enabled_for_all_projects\"}}" },
    { "role.assignment.created",    false, "{\"id\":ID,\"principal_id\":\"user-1\",\"principal_type\":\"user\",\"resource_id\":\"proj-1\",\"resource_type\":\"api.project\"}" },
    { "ip_allowlist.updated",       false, "{\"id\":ID,\"allowed_ips\":[\"198.51.100.0/24\"]}" },
    { "login.succeeded",            false, NULL },
    { "login.failed",               false, "{\"error_code\":\"invalid_credentials\",\"error_message\":\"Wrong password\"}" },
    { "logout.failed",              false, "{\"error_code\":\"session_gone\",\"error_message\":\"No such session\"}" },
    { "tenant.admin_api_key.created", true, NULL },
    { "tenant.policy.updated",      true,  NULL },
    { "tenant.usage_limit.user.updated", true, NULL },
    { "agent_fleet.paused",         false, "{\"id\":ID}" }, /* a type that no document knows yet */
};
/* clang-format on */

static void make_event(const struct openai_world *w, struct rng *r, struct openai_event *e)
{
    *e = (struct openai_event){ .type = (uint8_t)rng_below(r, OPENAI_EVENT_TYPES),
                                .actor = (uint8_t)rng_below(r, OPENAI_ACTORS),
                                .user = (uint8_t)rng_below(r, OPENAI_USERS),
                                .project = (unsigned)rng_below(r, w->n_projects),
                                .has_project = rng_unit(r) < 0.5 };
    e->key = e->project * OPENAI_KEYS + (e->actor == ACTOR_ACCOUNT_KEY);
    e->tenant = openai_event_types[e->type].tenant || rng_unit(r) < 0.1;
    e->org = !openai_event_types[e->type].tenant || rng_unit(r) < 0.1;
}

unsigned openai_events_of(const struct openai_world *w, const struct sim *s, int64_t minute,
                          struct openai_event out[OPENAI_EVENTS_MAX])
{
    struct rng r = { rng_name(rng_name(w->seed, 'E'), (uint64_t)minute) };
    int64_t second = 0;
    unsigned n;

    if (minute < s->first || minute >= s->last)
        return 0;
    n = rng_poisson(&r, EVENTS_A_MINUTE * workload_rhythm(minute));
    n = n > 0 && rng_unit(&r) < 0.1 ? 3 : n;
    n = n > OPENAI_EVENTS_MAX ? OPENAI_EVENTS_MAX : n;
    for (unsigned i = 0; i < n; i++) {
        make_event(w, &r, &out[i]);
        if (n != 3) /* three share their second */
            second += (int64_t)rng_below(&r, (uint64_t)(60 - second));
        out[i].at_s = minute * 60 + second;
        out[i].visible = (out[i].at_s + 5 + (int64_t)rng_below(&r, VISIBLE_WITHIN_S - 5)) * NANO_PER_S;
        out[i].id = (uint64_t)minute * OPENAI_EVENTS_MAX + i;
    }
    return n;
}
