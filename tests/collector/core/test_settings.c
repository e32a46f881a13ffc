/* trefoil.yaml as a whole, with two small sources in the place of the clouds. */
#include <stdlib.h>

#include "collector/base/log.h"
#include "collector/config/config_node.h"
#include "collector/core/settings.h"

#include "tests/tap.h"

struct endpoints {
    const char *login, *metrics, *metrics_audience, *ca_file;
};

struct weather {
    const char *id, *key;
    struct endpoints endpoints;
};

/* clang-format off */
static const struct option endpoint_options[] = {
    { .name = "login",            .type = OPT_STRING, .offset = offsetof(struct endpoints, login),            .help = "Tokens." },
    { .name = "metrics",          .type = OPT_STRING, .offset = offsetof(struct endpoints, metrics),          .help = "Metrics." },
    { .name = "metrics_audience", .type = OPT_STRING, .offset = offsetof(struct endpoints, metrics_audience), .help = "Audience." },
    { .name = "ca_file",          .type = OPT_STRING, .offset = offsetof(struct endpoints, ca_file),          .help = "Roots." },
    { 0 },
};
static const struct option cloud_options[] = {
    { .name = "id",        .type = OPT_STRING,  .offset = offsetof(struct weather, id),  .help = "Its name." },
    { .name = "key",       .type = OPT_STRING,  .offset = offsetof(struct weather, key), .dflt = "k", .help = "Its key." },
    { .name = "endpoints", .type = OPT_SECTION, .offset = offsetof(struct weather, endpoints), .sub = endpoint_options, .help = "Where it is." },
    { 0 },
};
static const struct option bare_options[] = { { .name = "id", .type = OPT_STRING, .offset = 0, .help = "Its name." }, { 0 } };
/* clang-format on */

static const struct source_ops cumulus = { .name = "cumulus",
                                           .options = cloud_options,
                                           .config_size = sizeof(struct weather) };
static const struct source_ops bare = { .name = "bare", .options = bare_options, .config_size = sizeof(char *) };
static const struct source_ops *const registry[] = { &cumulus, &bare, NULL };

#define CLOCK "testing: {clock: {anchor: 1700000000000000000, origin: 1600000000000000000, speed: 60}}\n"
#define LOCAL "endpoints: {login: \"https://127.0.0.1:1\", metrics: \"https://localhost:2/{region}\"}"

/* clang-format off */
static const struct { const char *text, *message; } bad[] = {
    { "cumulsu: {}\n", "t.yaml:1: unknown key 'cumulsu', did you mean 'cumulus'?" },
    { "teams: []\n", "t.yaml:1: unknown key 'teams'" },
    { "gcp: {}\n", "t.yaml:1: unknown key 'gcp'" },
    { "residency: []\n", "t.yaml:1: unknown key 'residency'" },
    { "polling_threads: 4\n", "t.yaml:1: unknown key 'polling_threads', did you mean 'poll_threads'?" },
    { "models: []\n", "t.yaml:1: models: want at least one publisher such as openai" },
    { "privacy: {content: keep}\n", "t.yaml:1: privacy: content: want drop, found 'keep'" },
    { "privacy: {caller: hash}\n", "t.yaml:1: privacy: caller: want drop, keep or {pseudonymize: \"file:KEY\"}, found 'hash'" },
    { "privacy: {caller: [keep]}\n", "t.yaml:1: privacy: caller: want drop, keep or {pseudonymize: \"file:KEY\"}, found a list" },
    { "privacy: {caller: {}}\n", "t.yaml:1: privacy.caller: pseudonymize is required: the key of the pseudonyms as file:PATH or env:NAME" },
    { "privacy: {caller: {pseudonymize: hunter2}}\n", "t.yaml:1: privacy.caller: pseudonymize: want file:PATH or env:NAME; a secret itself must not stand in the configuration" },
    { "log: {level: info}\nprivacy: {caller_series: true}\n", "t.yaml:2: privacy: caller_series wants callers: set caller to keep or {pseudonymize: \"file:KEY\"}" },
    { "storage: {journal: {segment: 1KiB}}\n", "t.yaml:1: storage.journal: segment: want at least 1MiB, found '1KiB'" },
    { "log: {level: verbose}\n", "t.yaml:1: log: level: want one of debug, info, warn, error, found 'verbose'" },
    { "limits: {series: 999}\n", "t.yaml:1: limits: series: want at least 1000 series, found '999'" },
    { "poll_threads: 65\n", "t.yaml:1: poll_threads: want at most 64 threads, found '65'" },
    { "initial_window: 100d\n", "t.yaml:1: initial_window: want at most 93d, found '100d'" },
    { "cumulus:\n  - {id: a}\n  - {id: b}\n  - {id: a}\n", "t.yaml:4: cumulus: id 'a' is that of the source in line 2: give each its own" },
    { "cumulus:\n  - {key: a}\n  - {key: b}\n", "t.yaml:3: cumulus: id 'cumulus' is that of the source in line 2: give each its own" },
    { "bare: {id: x}\ncumulus: {id: x}\n", "t.yaml:1: bare: id 'x' is that of the source in line 2: give each its own" },
    { "cumulus: {id: \"a b\"}\n", "t.yaml:1: cumulus: id: want 1 to 64 letters, digits, '.', '_' or '-'" },
    { "cumulus: {id: \"\"}\n", "t.yaml:1: cumulus: id: want 1 to 64 letters, digits, '.', '_' or '-'" },
    /* simulated time */
    { "testing: {}\n", "t.yaml:1: testing: clock is required: the time of a simulation" },
    { "testing: {clock: {origin: 1}}\n", "t.yaml:1: testing.clock: anchor is required: a real instant in unix nanoseconds" },
    { "testing: {clock: {anchor: 1, origin: 1, speed: 0}}\n", "t.yaml:1: testing.clock: speed: want at least 0.001, found '0'" },
    { CLOCK "cumulus: {}\n", "t.yaml:2: cumulus: testing.clock wants every endpoint on loopback, endpoints.login is not given" },
    { CLOCK "cumulus:\n  endpoints: {login: \"http://127.0.0.1\"}\n", "t.yaml:3: cumulus: testing.clock wants every endpoint on loopback, endpoints.metrics is not given" },
    { CLOCK "cumulus:\n  endpoints: {login: \"http://127.0.0.1\", metrics: null}\n", "t.yaml:3: cumulus: testing.clock wants every endpoint on loopback, endpoints.metrics is not given" },
    { CLOCK "cumulus:\n  endpoints:\n    login: http://[::1]:80\n    metrics: https://example.com/\n", "t.yaml:5: cumulus: testing.clock wants every endpoint on loopback, endpoints.metrics is 'https://example.com/'" },
    { CLOCK "cumulus:\n  - {id: a, " LOCAL "}\n  - {id: b}\n", "t.yaml:4: cumulus: testing.clock wants every endpoint on loopback, endpoints.login is not given" },
    { CLOCK "cumulus: {" LOCAL "}\nbare: {}\n", "t.yaml:3: bare: testing.clock is refused beside a source without endpoints" },
};
/* clang-format on */

static enum err_code parse(const char *text, struct settings *s, struct err *e)
{
    return settings_parse(s, "t.yaml", sv_of(text), registry, e);
}

static void every_bad_file_is_refused_in_its_own_words(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct settings s;
        struct err e = { 0 };
        enum err_code code = parse(bad[i].text, &s, &e);

        if (!OK(code == ERR_CONFIG && strcmp(e.text, bad[i].message) == 0))
            printf("# of:   %s# want: %s\n# got:  %s\n", bad[i].text, bad[i].message, code ? e.text : "success");
        OK(s.n_sources == 0 || !code);
        settings_done(&s);
    }
}

static void an_empty_file_has_the_documented_defaults(void)
{
    struct settings s;
    struct err e = { 0 };

    if (!OK(parse("", &s, &e) == ERR_OK)) {
        printf("# %s\n", e.text);
        return;
    }
    OK(s.n_sources == 0 && !s.scaled);
    OK(s.models.n == 1 && strcmp(s.models.at[0], "openai") == 0);
    OK(s.privacy.content == PRIVACY_DROP && s.privacy.caller == PRIVACY_DROP && !secret_is_set(s.privacy.caller_key));
    OK(strcmp(s.storage.path, "./data") == 0 && s.storage.journal.segment_bytes == 64 << 20);
    OK(s.storage.journal.max_bytes == INT64_C(8) << 30 && s.storage.journal.retention_ms == 7 * INT64_C(86400000));
    OK(strcmp(s.web.listen_address, "127.0.0.1:13300") == 0 && !s.web.enable_lifecycle && !s.web.config_file);
    OK(s.log.level == LOG_LEVEL_INFO && s.log.format == LOG_FORMAT_LOGFMT);
    OK(!s.privacy.caller_series && s.limits.callers == 1000);
    OK(s.limits.series_expiry_ms == INT64_C(30) * 86400000);
    OK(s.limits.series == 200000 && s.poll_threads == 4 && s.initial_window_ms == 0);
    settings_done(&s);
}

static void a_full_file_is_taken(void)
{
    static const char text[] =
        "models: [OpenAI, mistral]\n"
        "privacy: {content: drop, caller: {pseudonymize: \"file:/run/secrets/key\"}, caller_series: true}\n"
        "storage: {path: /var/lib/trefoil, journal: {segment: 16MiB, max_bytes: 1GiB, retention: 30d}}\n"
        "web: {listen_address: \":9\", enable_lifecycle: true, config_file: web.yaml}\n"
        "log: {level: debug, format: json}\n"
        "limits: {series: 1000, callers: 7}\n"
        "poll_threads: 64\n"
        "initial_window: 2h\n"
        "bare: {id: naked}\n"
        "cumulus:\n"
        "  - id: one\n"
        "    key: a\n"
        "  - id: two\n";
    struct settings s;
    struct err e = { 0 };
    const struct weather *c;

    if (!OK(parse(text, &s, &e) == ERR_OK)) {
        printf("# %s\n", e.text);
        return;
    }
    OK(s.models.n == 2 && strcmp(s.models.at[0], "openai") == 0 && strcmp(s.models.at[1], "mistral") == 0);
    OK(s.privacy.caller == PRIVACY_PSEUDONYMIZE &&
       strcmp(s.privacy.caller_key.reference, "file:/run/secrets/key") == 0);
    OK(s.storage.journal.segment_bytes == 16 << 20 && s.storage.journal.retention_ms == 30 * INT64_C(86400000));
    OK(s.web.enable_lifecycle && strcmp(s.web.config_file, "web.yaml") == 0 && strcmp(s.web.listen_address, ":9") == 0);
    OK(s.log.level == LOG_LEVEL_DEBUG && s.log.format == LOG_FORMAT_JSON);
    OK(s.privacy.caller_series && s.limits.callers == 7);
    OK(s.limits.series == 1000 && s.poll_threads == 64);
    OK(s.initial_window_ms == 7200000);
    if (!OK(s.n_sources == 3))
        return;
    c = s.sources[0].config;
    OK(s.sources[0].ops == &cumulus && strcmp(s.sources[0].id, "one") == 0 && s.sources[0].line == 11);
    OK(strcmp(c->key, "a") == 0);
    c = s.sources[1].config;
    OK(s.sources[1].ops == &cumulus && strcmp(s.sources[1].id, "two") == 0 && strcmp(c->key, "k") == 0);
    OK(s.sources[2].ops == &bare && strcmp(s.sources[2].id, "naked") == 0);
    settings_done(&s);
}

static void one_source_may_go_by_its_kind(void)
{
    struct settings s;
    struct err e = { 0 };

    OK(parse("cumulus: {}\nprivacy: {caller: keep}\n", &s, &e) == ERR_OK);
    OK(s.n_sources == 1 && strcmp(s.sources[0].id, "cumulus") == 0 && s.privacy.caller == PRIVACY_KEEP);
    settings_done(&s);
}

static void simulated_time_is_taken_on_loopback(void)
{
    struct settings s;
    struct err e = { 0 };

    if (!OK(parse(CLOCK "cumulus:\n  - {id: a, " LOCAL "}\n  - {id: b, " LOCAL "}\n", &s, &e) == ERR_OK))
        printf("# %s\n", e.text);
    OK(s.scaled && s.clock.speed == 60 && s.clock.anchor_unix_nano == INT64_C(1700000000000000000));
    OK(s.clock.origin_unix_nano == INT64_C(1600000000000000000));
    settings_done(&s);
}

/* A token for a real audience is asked for on loopback: that is no call. */
static void an_audience_may_be_a_clouds(void)
{
    struct settings s;
    struct err e = { 0 };

    OK(parse(CLOCK "cumulus: {endpoints: {login: \"http://[::1]:1\", metrics: \"http://127.9.9.9\", metrics_audience: "
                   "\"https://management.azure.com\", ca_file: /x/ca.pem}}\n",
             &s, &e) == ERR_OK);
    OK(s.scaled);
    settings_done(&s);
}

static void loopback_is_told_from_what_looks_like_it(void)
{
    static const char *const good[] = { "http://localhost",      "https://LOCALHOST:1/x",
                                        "http://127.0.0.1",      "https://127.255.0.9:65535/",
                                        "http://[::1]",          "https://[::1]:443/a?b#c",
                                        "http://127.0.0.1?x=@y", "http://127.0.0.1/@:a" };
    static const char *const bad_urls[] = { "",
                                            "127.0.0.1",
                                            "ftp://127.0.0.1",
                                            "http://",
                                            "http:///",
                                            "http://127.0.0.1.example.com",
                                            "http://127.0.0.1@example.com",
                                            "http://localhost:80@example.com/",
                                            "http://user@localhost",
                                            "http://example.com#127.0.0.1",
                                            "http://example.com\\@127.0.0.1",
                                            "http://127.0.0.1\\.example.com",
                                            "http://localhost.example.com",
                                            "http://[::1].example.com",
                                            "http://[::2]",
                                            "http://[::1",
                                            "http://128.0.0.1",
                                            "http://10.127.0.1",
                                            "http://127.1",
                                            "http://0x7f000001",
                                            "http://0.0.0.0",
                                            "http://127.0.0.1:x",
                                            "http://127.0.0.1:65536",
                                            "http://{region}.localhost",
                                            "https://169.254.169.254/",
                                            " http://127.0.0.1" };

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!OK(settings_url_is_loopback(sv_of(good[i]))))
            printf("# %s\n", good[i]);
    for (size_t i = 0; i < sizeof bad_urls / sizeof *bad_urls; i++)
        if (!OK(!settings_url_is_loopback(sv_of(bad_urls[i]))))
            printf("# %s\n", bad_urls[i]);
}

static void the_reference_is_a_valid_file_of_defaults(void)
{
    struct buf b = { 0 };
    struct settings s;
    struct err e = { 0 };

    settings_reference(&b, registry);
    OK(sv_has(buf_sv(&b), SV("# poll_threads: 4\n")) && sv_has(buf_sv(&b), SV("# cumulus:\n")));
    OK(!sv_has(buf_sv(&b), SV("testing")));
    OK(settings_parse(&s, "reference", buf_sv(&b), registry, &e) == ERR_OK);
    OK(s.n_sources == 0 && s.poll_threads == 4);
    settings_done(&s);
    buf_done(&b);
}

int main(void)
{
    RUN(every_bad_file_is_refused_in_its_own_words);
    RUN(an_empty_file_has_the_documented_defaults);
    RUN(a_full_file_is_taken);
    RUN(one_source_may_go_by_its_kind);
    RUN(simulated_time_is_taken_on_loopback);
    RUN(an_audience_may_be_a_clouds);
    RUN(loopback_is_told_from_what_looks_like_it);
    RUN(the_reference_is_a_valid_file_of_defaults);
    return tap_done();
}
