/* The world of AWS holds what its header promises. */
#include <stdlib.h>

#include "tests/cloudsim/aws/aws.h"
#include "tests/tap.h"

static struct aws_world w;

static void twelve_accounts_use_about_two_hundred_deployments(void)
{
    unsigned planes[2] = { 0 }, openai = 0;

    for (unsigned i = 0; i < w.n_deployments; i++) {
        planes[w.deployments[i].plane]++;
        openai += w.deployments[i].openai;
    }
    OK(w.n_members == 12 && w.n_accounts == 14);
    OK(w.n_deployments >= 180 && w.n_deployments <= 240);
    OK(planes[AWS_RUNTIME] > 80 && planes[AWS_MANTLE] > 50);
    OK(openai < w.n_deployments && openai > 150);
}

static void no_two_deployments_of_a_place_are_the_same_series(void)
{
    bool same = false;

    for (unsigned i = 0; i < w.n_deployments; i++) {
        for (unsigned k = 0; k < i; k++) {
            const struct aws_deployment *a = &w.deployments[i], *b = &w.deployments[k];

            same |= a->place == b->place && a->plane == b->plane && sv_eq(a->label_model, b->label_model) &&
                    sv_eq(a->label_deployment, b->label_deployment) && sv_eq(a->project, b->project);
        }
    }
    OK(!same);
}

static void ids_have_twelve_digits_and_one_begins_with_zero(void)
{
    bool good = true, zero = false;
    int64_t n;

    for (unsigned i = 0; i < w.n_accounts; i++) {
        good &= w.accounts[i].id.len == 12 && sv_to_i64(w.accounts[i].id, &n);
        zero |= w.accounts[i].id.at[0] == '0';
        good &= aws_account_find(&w, w.accounts[i].id) == &w.accounts[i];
    }
    OK(good && zero);
    OK(w.access_key_id.len == 20 && w.secret_access_key.len == 40);
}

static const struct aws_deployment *use(sv start, sv model)
{
    for (unsigned i = 0; i < w.n_deployments; i++)
        if (sv_starts(w.deployments[i].model_id, start) && sv_eq(w.deployments[i].label_model, model))
            return &w.deployments[i];
    return NULL;
}

static void models_are_addressed_in_all_forms(void)
{
    const struct aws_deployment *d = use(SV("openai.gpt-oss-120b-1:0"), SV("gpt-oss-120b"));

    OK(d && d->label_deployment.len == 0 && d->profile < 0);
    d = use(SV("us.openai."), SV("gpt-6-sol"));
    OK(d && sv_eq(d->label_deployment, SV("us.openai.gpt-6-sol")));
    d = use(SV("arn:aws:bedrock:"), SV("gpt-oss-120b"));
    OK(d && d->label_deployment.len == 12 && sv_ends(d->model_id, d->label_deployment));
    d = use(SV("arn:aws:bedrock:"), SV("gpt-5.6-terra"));
    OK(d && sv_has(d->label_deployment, SV(".openai.gpt-5.6-terra")));
    OK(d && sv_eq(aws_profile_region(&w, &w.profiles[d->profile], 0)->name, w.places[d->place].region->name));
}

static void a_profile_serves_from_regions_of_its_geography(void)
{
    bool good = true;

    for (unsigned i = 0; i < w.n_profiles; i++) {
        const struct aws_profile *p = &w.profiles[i];

        good &= p->n_regions >= 1;
        for (unsigned k = 1; k < p->n_regions; k++) {
            const struct aws_region *r = aws_profile_region(&w, p, k);

            good &= r != aws_profile_region(&w, p, k - 1);
            good &= sv_eq(p->geography, SV("global")) || sv_eq(p->geography, r->geography);
        }
    }
    OK(good);
}

int main(void)
{
    struct aws_world again, none;
    struct err e;

    OK(aws_world_init(&w, 7, 12, &e) == ERR_OK);
    twelve_accounts_use_about_two_hundred_deployments();
    no_two_deployments_of_a_place_are_the_same_series();
    ids_have_twelve_digits_and_one_begins_with_zero();
    models_are_addressed_in_all_forms();
    a_profile_serves_from_regions_of_its_geography();
    OK(aws_world_init(&again, 7, 12, &e) == ERR_OK && sv_eq(again.external_id, w.external_id) &&
       sv_eq(again.accounts[5].id, w.accounts[5].id));
    OK(aws_world_init(&none, 7, 0, &e) == ERR_OK && none.n_accounts == 0 && none.n_deployments == 0);
    aws_world_done(&again);
    aws_world_done(&none);
    aws_world_done(&w);
    return tap_done();
}
