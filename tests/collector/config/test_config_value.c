/* Durations, sizes and suggestions; the commented reference of a table. */
#include <stdlib.h>

#include "collector/config/config.h"
#include "collector/config/config_value.h"
#include "collector/config/suggest.h"

#include "tests/tap.h"

/* clang-format off */
static const struct { const char *text; int64_t ms; const char *back; } durations[] = {
    { "0",      0,         "0s"    }, { "0s",     0,         "0s"   }, { "500ms", 500,       "500ms" },
    { "90s",    90000,     "90s"   }, { "5m",     300000,    "5m"   }, { "2h",    7200000,   "2h"    },
    { "7d",     604800000, "7d"    }, { "1h30m",  5400000,   "90m"  }, { "1m500ms", 60500,   "60500ms" },
    { "24h",    86400000,  "1d"    }, { "36525d", INT64_C(3155760000000), "36525d" },
};
static const char *const no_durations[] = { "", "5", "5 m", "m", "-5m", "1.5h", "5M", "30m1h", "5m5m", "36526d", "99999999999999999999s", "5mm", "1h " };

static const struct { const char *text; int64_t bytes; const char *back; } sizes[] = {
    { "0",     0,          "0B"    }, { "512",  512,        "512B"  }, { "512B",   512,     "512B"   },
    { "1kB",   1000,       "1000B" }, { "1KiB", 1024,       "1KiB"  }, { "900KiB", 921600,  "900KiB" },
    { "64MiB", 67108864,   "64MiB" }, { "1MB",  1000000,    "1000000B" }, { "1GB",  1000000000, "1000000000B" },
    { "2GiB",  INT64_C(2147483648), "2GiB" }, { "1TiB", INT64_C(1099511627776), "1TiB" }, { "1TB", INT64_C(1000000000000), "976562500KiB" },
};
static const char *const no_sizes[] = { "", "KiB", "-1", "1K", "1kb", "1KB", "1 MiB", "1.5GiB", "9999999999TiB", "1KiB1B" };
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof *(table))

static bool is(struct buf *b, const char *want)
{
    bool same = sv_eq(buf_sv(b), sv_of(want));

    if (!same)
        printf("# got '%.*s', want '%s'\n", SV_ARG(buf_sv(b)), want);
    buf_done(b);
    return same;
}

static void durations_are_read_and_written(void)
{
    int64_t v = -1;

    for (size_t i = 0; i < COUNT(durations); i++) {
        struct buf b = { 0 };

        OK(config_duration_parse(sv_of(durations[i].text), &v) && v == durations[i].ms);
        config_duration_put(&b, durations[i].ms);
        OK(is(&b, durations[i].back));
    }
    v = -1;
    for (size_t i = 0; i < COUNT(no_durations); i++)
        OK(!config_duration_parse(sv_of(no_durations[i]), &v) && v == -1);
}

static void sizes_are_read_and_written(void)
{
    int64_t v = -1;

    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct buf b = { 0 };

        OK(config_size_parse(sv_of(sizes[i].text), &v) && v == sizes[i].bytes);
        config_size_put(&b, sizes[i].bytes);
        OK(is(&b, sizes[i].back));
    }
    v = -1;
    for (size_t i = 0; i < COUNT(no_sizes); i++)
        OK(!config_size_parse(sv_of(no_sizes[i]), &v) && v == -1);
}

static const char *nearest(const char *word)
{
    static const char *const names[] = { "poll_interval", "poll_threads", "storage", "web", "log", "limits", "models" };
    struct suggestion s = { .word = sv_of(word) };

    for (size_t i = 0; i < COUNT(names); i++)
        suggest_offer(&s, names[i]);
    return s.best ? s.best : "";
}

static void the_nearest_name_is_suggested(void)
{
    /* clang-format off */
    static const struct { const char *word, *best; } rows[] = {
        { "storgae",       "storage"       }, { "Storage",      "storage"      }, { "storages", "storage" },
        { "poll-interval", "poll_interval" }, { "pollInterval", "poll_interval" }, { "polling",  "poll_interval" },
        { "interval",      "poll_interval" }, { "threads",      "poll_threads" }, { "lgo",      "log"     },
        { "model",         "models"        }, { "wbe",          "web"          }, { "limit",    "limits"  },
        { "x",             ""              }, { "zebra",        ""             }, { "",         ""        },
        { "ab",            ""              }, { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "" },
    };
    /* clang-format on */

    for (size_t i = 0; i < COUNT(rows); i++)
        if (!OK(strcmp(nearest(rows[i].word), rows[i].best) == 0))
            printf("# '%s' gave '%s'\n", rows[i].word, nearest(rows[i].word));
}

struct inner {
    const char *url;
    struct string_list ids;
};

struct outer {
    int64_t wait_ms;
    int level;
    struct inner inner;
    bool hidden;
};

static const char *const levels[] = { "low", "high", NULL };

/* clang-format off */
static const struct option inner_options[] = {
    { .name = "url", .type = OPT_STRING,  .offset = offsetof(struct inner, url), .dflt = "https://a.example/?x=[1]", .help = "Where it is." },
    { .name = "ids", .type = OPT_STRINGS, .offset = offsetof(struct inner, ids), .required = true, .help = "Which." },
    { 0 },
};
static const struct option outer_options[] = {
    { .name = "wait",   .type = OPT_DURATION, .offset = offsetof(struct outer, wait_ms), .dflt = "90s", .min = 1000, .help = "How long." },
    { .name = "level",  .type = OPT_CHOICE,   .offset = offsetof(struct outer, level), .choices = levels, .dflt = "high", .help = "How much." },
    { .name = "inner",  .type = OPT_SECTION,  .offset = offsetof(struct outer, inner), .sub = inner_options, .help = "More." },
    { .name = "hidden", .type = OPT_BOOL,     .offset = offsetof(struct outer, hidden), .hidden = true, .help = "Unseen." },
    { 0 },
};
/* clang-format on */

static const char reference[] = "# # How long. At least 1s.\n"
                                "# wait: 90s\n"
                                "# # How much. One of low, high.\n"
                                "# level: high\n"
                                "# # More.\n"
                                "# inner:\n"
                                "#   # Where it is.\n"
                                "#   url: \"https://a.example/?x=[1]\"\n"
                                "#   # Which. Required.\n"
                                "#   ids: [\"...\"]\n";

static void the_reference_shows_each_key(void)
{
    struct buf b = { 0 };

    config_reference(&b, outer_options, 0);
    OK(is(&b, reference));
}

/* With the first "# " of each line taken off it is a file that binds, to the defaults. */
static void the_reference_uncommented_is_a_valid_file(void)
{
    struct buf b = { 0 }, plain = { 0 };
    struct config_file f;
    struct outer o;
    struct err e = { 0 };
    sv rest;

    config_reference(&b, outer_options, 0);
    for (rest = buf_sv(&b); rest.len;) {
        buf_put(&plain, sv_skip(sv_cut(&rest, '\n'), 2));
        buf_putc(&plain, '\n');
    }
    OK(config_parse(&f, "reference", buf_sv(&plain), &e) == ERR_OK);
    OK(config_bind(&f, f.root, NULL, outer_options, &o, &e) == ERR_OK);
    OK(o.wait_ms == 90000 && o.level == 1 && strcmp(o.inner.url, "https://a.example/?x=[1]") == 0 && !o.hidden);
    config_done(&f);
    buf_done(&b);
    buf_done(&plain);
}

static void a_default_that_is_none_is_our_fault(void)
{
    static const struct option wrong[] = { { .name = "wait", .type = OPT_DURATION, .dflt = "soon" }, { 0 } };
    struct config_file f;
    int64_t out;
    struct err e = { 0 };

    OK(config_parse(&f, "x.yaml", SV_NONE, &e) == ERR_OK);
    OK(config_bind(&f, f.root, NULL, wrong, &out, &e) == ERR_INTERNAL);
    config_done(&f);
}

int main(void)
{
    RUN(durations_are_read_and_written);
    RUN(sizes_are_read_and_written);
    RUN(the_nearest_name_is_suggested);
    RUN(the_reference_shows_each_key);
    RUN(the_reference_uncommented_is_a_valid_file);
    RUN(a_default_that_is_none_is_our_fault);
    return tap_done();
}
