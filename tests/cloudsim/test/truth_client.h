/* A cloudsim inside the test program, and the truth as it tells it. */
#ifndef CLOUDSIM_TEST_TRUTH_CLIENT_H
#define CLOUDSIM_TEST_TRUTH_CLIENT_H

#include "tests/cloudsim/test/client.h"

static struct json_parser *truth_parser;
static struct buf truth_text;

static inline void start_truth(void)
{
    truth_parser = json_parser_new(0);
}

static inline void stop_truth(void)
{
    json_parser_free(truth_parser);
    buf_done(&truth_text);
}

static inline json truth_now(void)
{
    json out;

    buf_clear(&truth_text);
    truth_write(&sim, 0, INT64_C(4000000000000000000), &truth_text);
    must(json_parse(truth_parser, buf_sv(&truth_text), &out, NULL) == ERR_OK, "truth is no JSON");
    return json_get(out, SV("series"));
}

struct want {
    const char *name;
    sv value;
};

/* Sum of the family's series whose labels agree with `want` (ends with a NULL name). */
static inline double truth_sum(json series, const char *family, const struct want *want)
{
    double sum = 0, v;
    json s;

    for (struct json_iter it = json_items(series); json_item(&it, &s);) {
        bool good = sv_eq(json_sv(json_get(s, SV("family"))), sv_of(family));

        for (const struct want *w = want; good && w->name; w++)
            good = sv_eq(json_sv(json_get(json_get(s, SV("labels")), sv_of(w->name))), w->value);
        if (good && json_f64(json_get(s, SV("value")), &v))
            sum += v;
    }
    return sum;
}

#endif
