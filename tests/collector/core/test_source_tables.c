/* The option tables of the sources that this build knows, as parts of trefoil.yaml. */
#include <stdlib.h>

#include "collector/core/settings.h"

#include "tests/tap.h"

static bool table_is_sound(const struct option *table, const char *where)
{
    bool good = true;

    for (const struct option *o = table; o->name; o++) {
        bool sound = o->help && *o->help && (o->type != OPT_CHOICE || o->choices) &&
                     ((o->type != OPT_SECTION && o->type != OPT_SECTIONS) || o->sub) &&
                     (o->type != OPT_SECTIONS || o->sub_size);

        for (const struct option *p = table; p < o; p++)
            sound = sound && strcmp(p->name, o->name) != 0 && (p->offset != o->offset || o->hidden);
        if (!sound)
            printf("# %s: row %s is not sound\n", where, o->name);
        good = good && sound && (!o->sub || table_is_sound(o->sub, o->name));
    }
    return good;
}

static void every_row_is_sound(void)
{
    struct settings s;
    struct err e = { 0 };

    for (size_t i = 0; source_registry[i]; i++)
        OK(table_is_sound(source_registry[i]->options, source_registry[i]->name));
    if (!OK(settings_parse(&s, "t.yaml", SV_NONE, source_registry, &e) == ERR_OK))
        printf("# %s\n", e.text);
    settings_done(&s);
}

/* What cloudsim writes, in short: each endpoint that Azure calls, and no other key, makes simulated time acceptable. */
static void simulated_time_is_taken_beside_azure_on_loopback(void)
{
    static const char clock[] = "testing: {clock: {anchor: 1, origin: 2, speed: 60}}\n";
    static const char all[] = "azure:\n  id: azure\n  credential: client_secret\n  tenant_id: t\n  client_id: c\n"
                              "  client_secret: \"file:/x\"\n  subscriptions: [s]\n  endpoints:\n"
                              "    authority: https://127.0.0.1:1\n    resource_manager: https://127.0.0.1:1\n"
                              "    metrics: \"https://127.0.0.1:1/metrics-{region}\"\n    logs: https://127.0.0.1:1\n"
                              "    ca_file: /x/ca.pem\n";
    char text[2048];
    struct settings s;
    struct err e = { 0 };

    snprintf(text, sizeof text, "%s%s    imds: http://127.0.0.1:2\n", clock, all);
    if (!OK(settings_parse(&s, "t.yaml", sv_of(text), source_registry, &e) == ERR_OK))
        printf("# %s\n", e.text);
    OK(s.scaled && s.n_sources == 1);
    settings_done(&s);
    snprintf(text, sizeof text, "%s%s", clock, all);
    OK(settings_parse(&s, "t.yaml", sv_of(text), source_registry, &e) == ERR_CONFIG);
    OK(sv_has(sv_of(e.text), SV("endpoints.imds is not given")));
    settings_done(&s);
}

int main(void)
{
    RUN(every_row_is_sound);
    RUN(simulated_time_is_taken_beside_azure_on_loopback);
    return tap_done();
}
