/*
 * Any bytes as a configuration file: bound through a table that has each type of option, and as a web configuration.
 * Whatever comes in, the answer is a bound struct or an error with the file's name in front.
 */
#include <stdlib.h>

#include "collector/config/config.h"
#include "collector/config/secret.h"
#include "collector/config/web.h"

struct part {
    const char *text;
    struct secret secret;
    struct string_list texts;
};

struct all {
    bool flag;
    int64_t number, duration_ms, size;
    double real;
    int choice;
    struct part one;
    struct section_list many;
    const struct config_node *any;
};

static const char *const words[] = { "drop", "keep", NULL };

/* clang-format off */
static const struct option part_options[] = {
    { .name = "text",   .type = OPT_STRING,  .offset = offsetof(struct part, text), .required = true, .help = "a text" },
    { .name = "secret", .type = OPT_SECRET,  .offset = offsetof(struct part, secret) },
    { .name = "texts",  .type = OPT_STRINGS, .offset = offsetof(struct part, texts), .dflt = "a" },
    { 0 },
};
static const struct option options[] = {
    { .name = "flag",     .type = OPT_BOOL,     .offset = offsetof(struct all, flag) },
    { .name = "number",   .type = OPT_INT,      .offset = offsetof(struct all, number), .min = 1, .max = 64, .unit = "threads" },
    { .name = "duration", .type = OPT_DURATION, .offset = offsetof(struct all, duration_ms), .min = 1000, .max = 86400000 },
    { .name = "size",     .type = OPT_SIZE,     .offset = offsetof(struct all, size), .min = 1024 },
    { .name = "real",     .type = OPT_FLOAT,    .offset = offsetof(struct all, real), .max = 1 },
    { .name = "choice",   .type = OPT_CHOICE,   .offset = offsetof(struct all, choice), .choices = words, .dflt = "drop" },
    { .name = "one",      .type = OPT_SECTION,  .offset = offsetof(struct all, one), .sub = part_options },
    { .name = "many",     .type = OPT_SECTIONS, .offset = offsetof(struct all, many), .sub = part_options, .sub_size = sizeof(struct part) },
    { .name = "any",      .type = OPT_ANY,      .offset = offsetof(struct all, any) },
    { 0 },
};
/* clang-format on */

static void want_a_place(enum err_code code, const struct err *e)
{
    if (code && (code != e->code || !sv_starts(sv_of(e->text), SV("fuzz"))))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_file f;
    struct web_config w;
    struct all all;
    struct err e = { 0 };
    enum err_code code = config_parse(&f, "fuzz", sv_make(data, size), &e);

    if (!code)
        code = config_bind(&f, f.root, "", options, &all, &e);
    want_a_place(code, &e);
    if (!code &&
        ((all.many.n && !((struct part *)all.many.at)[all.many.n - 1].text) || all.one.texts.n > CONFIG_NODES_MAX))
        abort();
    config_done(&f);
    code = web_parse(&w, "fuzz", sv_make(data, size), &e);
    want_a_place(code, &e);
    for (size_t i = 0; !code && i < w.n_users; i++)
        if (strlen(w.users[i].crypt_hash) != 60)
            abort();
    web_done(&w);
    return 0;
}
