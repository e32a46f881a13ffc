/*
 * What a ModelId names. It may be a model's id, a profile's id, or an ARN of one of them, of a provisioned throughput
 * or of an application profile, whose id is opaque and needs a look-up (aws.md 1.2, 1.3).
 *
 * The geography of a profile id stands before the publisher: a known one, or any word before "openai.". What remains
 * without a publisher is an id that names no model.
 */
#include "collector/model/canonical.h"
#include "collector/sources/aws/aws.h"

static const char *const geographies[] = { "us", "eu", "apac", "jp", "au", "ca", "us-gov", "global" };

sv aws_last_part(sv arn)
{
    size_t slash = sv_find_last(arn, '/');

    return slash < arn.len ? sv_skip(arn, slash + 1) : arn;
}

static bool is_word(sv s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || s.at[i] == '-'))
            return false;
    return s.len > 0;
}

/* Takes "us." off the front of *id. Empty when there is none. */
static sv take_geography(sv *id)
{
    sv rest = *id, first = sv_cut(&rest, '.');
    bool known = false;

    for (size_t i = 0; i < sizeof geographies / sizeof geographies[0]; i++)
        known = known || sv_eq(first, sv_of(geographies[i]));
    if (rest.len == 0 || (!known && !(is_word(first) && sv_starts(rest, SV("openai.")))))
        return SV_NONE;
    *id = rest;
    return first;
}

static const struct aws_profile *profile_find(const struct aws_profiles *p, sv id)
{
    for (size_t i = 0; p && i < p->n; i++)
        if (sv_eq(p->at[i].id, id))
            return &p->at[i];
    return NULL;
}

/* Publisher and geography of an id that names a model; false: it names none. */
static bool read_id(sv id, struct aws_model *out)
{
    sv publisher;

    out->geography = take_geography(&id);
    out->model_id = id;
    publisher = sv_cut(&id, '.');
    if (id.len == 0 || publisher.len == 0)
        return false;
    out->publisher = publisher;
    return true;
}

enum err_code aws_model_of(const struct aws_profiles *profiles, sv model_id, struct arena *a, struct aws_model *out,
                           struct err *e)
{
    sv last = aws_last_part(sv_trim(model_id));
    const struct aws_profile *profile = profile_find(profiles, last);
    struct aws_model m = { SV_NONE, SV_NONE, SV_NONE, SV_NONE, SV_NONE, false };

    m.opaque = profile != NULL || !read_id(last, &m);
    if (m.opaque) {
        m = (struct aws_model){ last, SV_NONE, SV_NONE, SV_NONE, SV_NONE, true };
        if (profile)
            (void)read_id(profile->model_id, &m);
    }
    if (m.geography.len || sv_starts(sv_trim(model_id), SV("arn:")))
        m.deployment = last;
    m.model = m.model_id.len && (!m.opaque || profile) ? model_canonical(a, m.model_id) : SV_NONE;
    if (!m.model.at)
        return err_set(e, ERR_LIMIT, "no room for a model's name");
    *out = m;
    return ERR_OK;
}

sv aws_dashed(struct arena *a, sv name)
{
    char *to = arena_alloc(a, name.len + 1);

    for (size_t i = 0; to && i < name.len; i++)
        to[i] = name.at[i] == ' ' ? '-' : name.at[i];
    return (sv){ to, to ? name.len : 0 };
}
