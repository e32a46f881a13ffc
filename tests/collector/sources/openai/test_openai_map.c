/* The tables say nothing twice, nothing that the ledger could not take; names lead where they should. */
#include "collector/ledger/family.h"
#include "collector/sources/openai/openai.h"

#include "tests/tap.h"

static bool same_rule(const struct rule *a, const struct rule *b)
{
    return sv_eq(a->family, b->family) && sv_eq(a->theirs, b->theirs) && sv_eq(a->ours, b->ours) &&
           sv_eq(a->labels, b->labels);
}

static bool labels_known(sv labels)
{
    while (labels.len) {
        sv pair = sv_cut(&labels, ',');

        if (label_find(sv_cut(&pair, '=')) < 0 || pair.len == 0)
            return false;
    }
    return true;
}

static void rules_are_whole_unique_and_of_known_families(void)
{
    for (size_t i = 0; i < OPENAI_RULES; i++) {
        const struct rule *r = &openai_rules[i];
        bool good = r->platform == PLATFORM_OPENAI_API && r->theirs.len && family_find(r->ours) >= 0 &&
                    r->weight == 1 && labels_known(r->labels);

        good = good && (r->family.len == 0 || openai_kind_find(r->family) >= 0);
        for (size_t k = 0; k < i; k++)
            good = good && !same_rule(r, &openai_rules[k]);
        if (!OK(good))
            printf("# %zu %.*s\n", i, SV_ARG(r->theirs));
    }
}

static void each_kind_that_calls_a_model_is_counted_and_no_other(void)
{
    for (int k = 0; k < OPENAI_KINDS; k++) {
        const struct openai_kind *kind = &openai_kinds[k];
        bool counted = false;

        for (size_t i = 0; i < OPENAI_RULES; i++)
            counted = counted || (sv_eq(openai_rules[i].family, sv_of(kind->name)) &&
                                  sv_eq(openai_rules[i].ours, SV("genai_requests_total")));
        OK(counted == (kind->operation[0] != '\0') && counted == !kind->hourly);
        OK(openai_kind_find(sv_of(kind->name)) == k && openai_kind_of_object(sv_of(kind->object)) == k);
        OK(sv_eq(sv_of(openai_apis[OPENAI_API_USAGE + k].name + strlen("usage.")), sv_of(kind->name)));
        OK(kind->groups & OPENAI_BIT(OPENAI_PROJECT));
    }
    OK(openai_kind_find(SV("chat")) == -1 && openai_kind_of_object(SV("")) == -1);
    for (int a = 0; a < OPENAI_APIS; a++)
        OK(openai_apis[a].name && openai_apis[a].per_s > 0 && openai_apis[a].usd_nano == 0);
}

static void kinds_are_grouped_by_what_labels_need_and_more_on_demand(void)
{
    const char *more[] = { "user_id", "size", "context_level" };
    const struct string_list none = { 0 }, some = { more, 3 };
    const unsigned project = OPENAI_BIT(OPENAI_PROJECT), model = OPENAI_BIT(OPENAI_MODEL);

    OK(openai_groups(&openai_kinds[openai_kind_find(SV("completions"))], &none) ==
       (project | model | OPENAI_BIT(OPENAI_BATCH) | OPENAI_BIT(OPENAI_TIER)));
    OK(openai_groups(&openai_kinds[openai_kind_find(SV("embeddings"))], &none) == (project | model));
    OK(openai_groups(&openai_kinds[openai_kind_find(SV("vector_stores"))], &some) == project);
    OK(openai_groups(&openai_kinds[openai_kind_find(SV("images"))], &some) ==
       (project | model | OPENAI_BIT(OPENAI_USER) | OPENAI_BIT(OPENAI_SIZE)));
    OK(openai_is_level(SV("usage_bytes")) && !openai_is_level(SV("num_sessions")));
}

static void residency_is_read_by_its_form(void)
{
    static const struct {
        const char *theirs, *region, *processing;
    } rows[] = {
        { "GLOBAL", "global", "unknown" }, { "US_STORAGE_PROCESSING", "us", "us" },
        { "AE_STORAGE", "ae", "global" },  { "", "", "unknown" },
        { "MARS", "mars", "unknown" },     { "mars_storage", "mars", "global" },
    };
    struct arena a;

    arena_init(&a, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct openai_residency r = openai_residency(&a, sv_of(rows[i].theirs));

        OK(sv_eq(r.region, sv_of(rows[i].region)) && sv_eq(r.processing, sv_of(rows[i].processing)));
    }
    arena_done(&a);
}

/* ---- URLs ---- */

int main(void)
{
    RUN(rules_are_whole_unique_and_of_known_families);
    RUN(each_kind_that_calls_a_model_is_counted_and_no_other);
    RUN(kinds_are_grouped_by_what_labels_need_and_more_on_demand);
    RUN(residency_is_read_by_its_form);
    return tap_done();
}
