/* A cloudsim with OpenAI alone inside the test program, and a client with the good key that is never too quick. */
#ifndef CLOUDSIM_TEST_OPENAI_CLIENT_H
#define CLOUDSIM_TEST_OPENAI_CLIENT_H

#include "tests/cloudsim/openai/openai.h"
#include "tests/cloudsim/test/client.h"

static inline void start_openai(struct sim_options o)
{
    o.clouds = CLOUD_OPENAI;
    start_sim(o);
}

static inline const struct openai_world *world(void)
{
    return &openai_of(&sim)->world;
}

/* GET below /v1/organization with this key, a second after the call before. */
static inline int ask_with(sv key, const char *path)
{
    clock_advance(NANO_PER_S);
    return get(key, format("/v1/organization/%s", path));
}

static inline int ask(const char *path)
{
    return ask_with(world()->admin_key, path);
}

/* The parsed answer of a call that must succeed; it lives until the next one. */
static inline json asked(const char *path)
{
    must(ask(path) == 200, path);
    return parsed();
}

static inline sv text_in(json v, const char *member)
{
    return json_sv(json_get(v, sv_of(member)));
}

static inline double number_in(json v, const char *member)
{
    double n = 0;

    json_f64(json_get(v, sv_of(member)), &n);
    return n;
}

static inline bool bool_in(json v, const char *member)
{
    bool b = false;

    json_bool(json_get(v, sv_of(member)), &b);
    return b;
}

static inline sv error_text(const char *member)
{
    return text_in(json_get(parsed(), SV("error")), member);
}

#endif
