/*
 * Keys: what makes two of them equal or not, and literal values. A literal that no longer holds means that journals and
 * archives written before no longer match what comes in: that is a change of format, not of a test.
 */
#include "collector/model/key.h"

#include "tests/tap.h"

static const char id[] = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.CognitiveServices/accounts/A";
static const char id_upper[] = "/SUBSCRIPTIONS/S/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.COGNITIVESERVICES/ACCOUNTS/A";

static struct arena a;
static struct batch *b;

static uint64_t series(const char *name1, const char *value1, const char *name2, const char *value2)
{
    const struct key_value dims[] = { { batch_sym(b, sv_of(name1)), sv_of(value1) },
                                      { batch_sym(b, sv_of(name2)), sv_of(value2) } };

    return key_series(b, PLATFORM_AZURE_OPENAI, sv_of(id), SV("ModelRequests"), dims, 2);
}

static bool is(uint64_t got, uint64_t want)
{
    if (got != want)
        printf("# got 0x%016llx\n", (unsigned long long)got);
    return got == want;
}

static void literal_values(void)
{
    const sv parts[] = { SV("a"), SV(""), SV("b") };

    OK(is(key_call(SV("RequestResponse"), sv_of(id), SV("c-1"), 42), UINT64_C(0x96ca1bf429f6af74)));
    OK(is(key_of_call(sv_of(id), SV("c-1")), UINT64_C(0x57c9f2575978feb6)));
    OK(is(series("ModelName", "gpt-5", "StatusCode", "200"), UINT64_C(0xf7eb24f03be8e831)));
    OK(is(key_measure(1, INT64_C(1795521600000000000)), UINT64_C(0x9f472790cb9ea870)));
    OK(is(key_parts(parts, 3), UINT64_C(0x5403b6731ee1467a)));
}

static void case_of_an_id_does_not_matter(void)
{
    OK(key_call(SV("L"), sv_of(id), SV("c"), 1) == key_call(SV("L"), sv_of(id_upper), SV("c"), 1));
    OK(key_of_call(sv_of(id), SV("c")) == key_of_call(sv_of(id_upper), SV("c")));
    OK(key_series(b, PLATFORM_BEDROCK, sv_of(id), SV("N"), NULL, 0) ==
       key_series(b, PLATFORM_BEDROCK, sv_of(id_upper), SV("N"), NULL, 0));
}

static void long_ids_are_folded_too(void)
{
    char lower[1000], upper[1000];

    memset(lower, 'x', sizeof lower);
    memset(upper, 'X', sizeof upper);
    OK(key_of_call((sv){ lower, 1000 }, SV("c")) == key_of_call((sv){ upper, 1000 }, SV("c")));
    OK(key_of_call((sv){ lower, 1000 }, SV("c")) != key_of_call((sv){ lower, 999 }, SV("c")));
    OK(key_of_call((sv){ lower, 256 }, SV("c")) != key_of_call((sv){ lower, 512 }, SV("c")));
}

static void every_part_counts(void)
{
    const uint64_t k = key_call(SV("L"), SV("r"), SV("c"), 1);

    OK(k != key_call(SV("M"), SV("r"), SV("c"), 1) && k != key_call(SV("L"), SV("s"), SV("c"), 1));
    OK(k != key_call(SV("L"), SV("r"), SV("d"), 1) && k != key_call(SV("L"), SV("r"), SV("c"), 2));
    OK(key_call(SV("ab"), SV("c"), SV(""), 1) != key_call(SV("a"), SV("bc"), SV(""), 1));
    OK(key_of_call(SV("ab"), SV("c")) != key_of_call(SV("a"), SV("bc")));
    OK(key_measure(7, 1) != key_measure(7, 2) && key_measure(7, 1) != key_measure(8, 1));
}

static void a_row_without_a_call_id_stands_alone(void)
{
    OK(key_of_call(sv_of(id), SV("")) == 0);
    OK(key_call(SV("L"), sv_of(id), SV(""), 1) != 0);
}

static void order_and_case_of_dimensions_do_not_matter(void)
{
    const uint64_t k = series("ModelName", "gpt-5", "StatusCode", "200");

    OK(k == series("StatusCode", "200", "ModelName", "gpt-5"));
    OK(k == series("modelname", "gpt-5", "STATUSCODE", "200"));
    OK(k != series("ModelName", "200", "StatusCode", "gpt-5"));
    OK(k != series("ModelName", "GPT-5", "StatusCode", "200")); /* values are the cloud's own */
    OK(series("A", "x", "A", "x") != key_series(b, PLATFORM_AZURE_OPENAI, sv_of(id), SV("ModelRequests"), NULL, 0));
}

int main(void)
{
    arena_init(&a, 0);
    b = frame_add_batch(frame_new(&a, SV("s"), SV("")));
    RUN(literal_values);
    RUN(case_of_an_id_does_not_matter);
    RUN(long_ids_are_folded_too);
    RUN(every_part_counts);
    RUN(a_row_without_a_call_id_stands_alone);
    RUN(order_and_case_of_dimensions_do_not_matter);
    arena_done(&a);
    return tap_done();
}
