/* Bringing the parts together and taking them apart. The clock is set before anything reads it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/cloudsim/cloud.h"
#include "tests/cloudsim/rng.h"

enum { BODY_BYTES = 1 << 20 };

/* clang-format off */
static const struct http_route control_routes[] = {
    { "*", "/*", BODY_BYTES, true, control_serve },
    { NULL, NULL, 0, false, NULL },
};
static const struct http_route tls_routes[] = {
    { "*", "/*", BODY_BYTES, true, api_serve },
    { NULL, NULL, 0, false, NULL },
};
/* clang-format on */

static enum err_code start_servers(struct sim *s, struct err *e)
{
    char cert[4096], key[4096], listen[64];
    struct http_server_options control = { .listen = s->options.listen, .threads = 4 };
    struct http_server_options tls = { .listen = listen,
                                       .tls_cert_file = cert,
                                       .tls_key_file = key,
                                       .thread_per_connection = true,
                                       .idle_timeout_s = 120 };

    if (tls_prepare(s->options.dir, e))
        return err_wrap(e, "tls");
    snprintf(cert, sizeof cert, "%s/server.pem", s->options.dir);
    snprintf(key, sizeof key, "%s/server-key.pem", s->options.dir);
    snprintf(listen, sizeof listen, "127.0.0.1:%u", s->options.tls_port);
    s->control = http_server_start(&control, control_routes, s, e);
    if (!s->control)
        return err_wrap(e, "control door");
    s->tls = http_server_start(&tls, tls_routes, s, e);
    return s->tls ? ERR_OK : err_wrap(e, "tls port");
}

static void set_clock(struct sim_options *o)
{
    int64_t real;

    clock_set_system();
    real = clock_now();
    if (!o->anchor_unix_nano)
        o->anchor_unix_nano = real;
    if (!o->origin_unix_nano)
        o->origin_unix_nano = o->anchor_unix_nano;
    clock_set_scale((struct clock_scale){ o->anchor_unix_nano, o->origin_unix_nano, o->speed });
}

enum err_code sim_open_worlds(struct sim *s, const struct sim_options *o, int64_t first, int64_t last, struct err *e)
{
    *s = (struct sim){
        .options = *o, .seed = rng_name(UINT64_C(0x7472656666696c), o->seed), .first = first, .last = last
    };
    for (unsigned i = 0; i < sizeof s->token_key; i++)
        s->token_key[i] = (unsigned char)rng_name(rng_name(s->seed, 'K'), i);
    for (const struct cloud *const *c = clouds; *c; c++)
        if (o->clouds & 1U << (*c)->id && o->count[(*c)->id] && (*c)->open(s, &s->of[(*c)->id], e))
            return err_wrap(e, "%s", (*c)->name);
    s->faults = faults_new();
    s->requests = requests_new();
    s->quotas = quotas_new();
    return s->faults && s->requests && s->quotas ? ERR_OK : err_set(e, ERR_LIMIT, "out of memory");
}

enum err_code sim_open(struct sim *s, const struct sim_options *o, struct err *e)
{
    struct sim_options at = *o;
    int64_t first, last = INT64_MAX;

    *s = (struct sim){ .options = *o };
    if (mkdir(o->dir, 0755) && errno != EEXIST)
        return err_sys(e, "%s", o->dir);
    set_clock(&at);
    first = (at.origin_unix_nano - o->history_ms * NANO_PER_MS) / NANO_PER_MIN;
    if (o->duration_ms)
        last = (at.origin_unix_nano + o->duration_ms * NANO_PER_MS) / NANO_PER_MIN;
    return sim_open_worlds(s, &at, first, last, e) ? e->code : start_servers(s, e);
}

void sim_close(struct sim *s)
{
    http_server_stop(s->tls);
    http_server_stop(s->control);
    quotas_free(s->quotas);
    requests_free(s->requests);
    faults_free(s->faults);
    for (const struct cloud *const *c = clouds; *c; c++)
        if (cloud_is_open(s, *c))
            (*c)->close(s->of[(*c)->id]);
}

void put_http_date(struct buf *b, int64_t unix_nano)
{
    static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct buf iso = { .at = NULL };
    int64_t month = 1;

    buf_time(&iso, unix_nano, 0); /* 2026-11-20T10:00:03Z */
    if (iso.failed)
        return;
    sv_to_i64(sv_make(iso.at + 5, 2), &month);
    buf_printf(b, "%.3s, %.2s %.3s %.4s %.8s GMT", days + 3 * (unix_nano / (24 * NANO_PER_H) % 7), iso.at + 8,
               months + 3 * (month - 1), iso.at, iso.at + 11);
    buf_done(&iso);
}
