/* The world of Google Cloud holds what its header promises, and the workload keeps its promises about time. */
#include "tests/cloudsim/gcp/gcp_calls.h"
#include "tests/tap.h"

static struct gcp_world w;

static unsigned n_deployments(enum gcp_deployment_kind kind, bool openai)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w.n_deployments; i++)
        n += w.deployments[i].kind == kind && w.deployments[i].openai == openai;
    return n;
}

static void four_projects_use_what_is_promised(void)
{
    OK(w.n_members == 4 && w.n_projects == 6);
    OK(n_deployments(GCP_ENDPOINT, true) == 2 && n_deployments(GCP_ENDPOINT, false) == 1);
    OK(n_deployments(GCP_MANAGED, true) >= 10 && n_deployments(GCP_MANAGED, false) >= 2);
}

static bool is_number(sv text)
{
    int64_t n;

    return sv_to_i64(text, &n);
}

static void ids_look_like_googles(void)
{
    bool good = true;

    for (unsigned i = 0; i < w.n_projects; i++) {
        const struct gcp_project *p = &w.projects[i];

        good &= p->number.len == 12 && is_number(p->number) && p->id.len <= 30;
        good &= gcp_project_find(&w, p->id) == p && gcp_project_find(&w, p->number) == p;
    }
    OK(good && !gcp_project_find(&w, SV("nobody")) && !gcp_project_find(&w, SV("")));
    OK(sv_starts(w.organization_id, SV("organizations/")) && is_number(sv_skip(w.organization_id, 14)));
    OK(gcp_folder_find(&w, w.folders[1].id) == &w.folders[1] && w.folders[1].parent == 0);
}

static void logging_is_set_in_all_ways(void)
{
    const struct gcp_project *p = w.projects;

    OK(p[0].logs && p[0].own_logging == GCP_LOGS_SERVICE && p[0].exempted >= 0);
    OK(p[1].logs && p[1].own_logging == GCP_LOGS_UNSAID && w.folders[p[1].folder].logs); /* from above */
    OK(!p[2].logs);
    OK(p[3].logs && !p[3].private_viewer);
}

static void callers_are_told_by_three_different_fields(void)
{
    unsigned email = 0, subject = 0, neither = 0;

    for (unsigned i = 0; i < GCP_CALLERS; i++) {
        email += w.callers[i].email.len > 0;
        subject += !w.callers[i].email.len && w.callers[i].subject.len;
        neither += !w.callers[i].email.len && !w.callers[i].subject.len && w.callers[i].ip.len;
    }
    OK(email == 5 && subject == 2 && neither == 1);
}

static bool times_good(const struct gcp_times *t, int64_t begun)
{
    return t->at >= begun && t->at <= begun + 5 * NANO_PER_MIN && t->received >= t->at &&
           t->received <= t->at + 5 * NANO_PER_MIN && t->visible >= t->received &&
           t->visible <= t->received + 3 * NANO_PER_MIN;
}

static void entries_keep_their_promises(void)
{
    struct gcp_workload *l = gcp_workload_new(&w, 3000, 29000000, 29000020);
    unsigned late = 0, two = 0, marked = 0, n = 0;
    bool good = true;

    for (unsigned d = 0; d < w.n_deployments; d++) {
        for (int64_t minute = 29000000; minute < 29000020; minute++) {
            const struct gcp_minute *m = gcp_minute(l, d, minute);

            for (uint32_t k = 0; k < m->n; k++) {
                const struct gcp_call *c = &m->calls[k];

                good &= c->at / NANO_PER_MIN == minute && times_good(&c->last, c->at);
                good &= (c->operation == GCP_TWO_ENTRIES) == (c->first.at != 0);
                good &= !c->first.at || (times_good(&c->first, c->at) && c->last.at > c->first.at);
                late += c->last.received > c->last.at + NANO_PER_MIN;
                two += c->operation == GCP_TWO_ENTRIES;
                marked += c->operation == GCP_FIRST_AND_LAST;
                n++;
            }
            gcp_minute_unref(m);
        }
    }
    OK(good && n > 30000);
    OK(late > n / 100 && two > n / 10 && marked > n / 50);
    OK(!gcp_minute(l, 0, 28999999) && !gcp_minute(l, 0, 29000020));
    gcp_workload_free(l);
}

static void operations_of_administrators_begin_and_end(void)
{
    struct gcp_workload *l = gcp_workload_new(&w, 1, 29000000, 29000500);
    struct gcp_event events[GCP_EVENTS_MAX];
    unsigned pairs = 0, singles = 0, marked = 0, refused = 0;
    bool good = true;

    for (int64_t minute = 29000000; minute < 29000500; minute++) {
        unsigned n = gcp_events(&w, l, 0, minute, events);

        for (unsigned i = 0; i < n; i++) {
            const struct gcp_event *e = &events[i];
            int64_t begun = e->first.at ? e->first.at : e->last.at;

            good &= begun / NANO_PER_MIN == minute && times_good(&e->last, begun);
            good &= !e->first.at || gcp_event_names[e->name].slow;
            pairs += e->first.at != 0;
            singles += !e->first.at && !gcp_event_names[e->name].slow;
            marked += e->with_last;
            refused += !e->first.at && e->failed && gcp_event_names[e->name].slow && !e->with_last;
        }
    }
    OK(good && pairs > 50 && singles > 50 && marked > 5 && refused > 2);
    OK(gcp_events(&w, l, w.n_members, 29000000, events) == 0); /* nobody collects there */
    gcp_workload_free(l);
}

int main(void)
{
    struct gcp_world again, many, none;
    struct err e;

    OK(gcp_world_init(&w, 7, 4, &e) == ERR_OK);
    RUN(four_projects_use_what_is_promised);
    RUN(ids_look_like_googles);
    RUN(logging_is_set_in_all_ways);
    RUN(callers_are_told_by_three_different_fields);
    RUN(entries_keep_their_promises);
    RUN(operations_of_administrators_begin_and_end);
    OK(gcp_world_init(&again, 7, 4, &e) == ERR_OK && sv_eq(again.projects[2].id, w.projects[2].id) &&
       sv_eq(again.deployments[5].endpoint_id, w.deployments[5].endpoint_id));
    OK(gcp_world_init(&many, 7, GCP_PROJECTS_MAX, &e) == ERR_OK && many.n_members == GCP_PROJECTS_MAX);
    OK(gcp_world_init(&none, 7, 0, &e) == ERR_OK && none.n_projects == 0 && none.n_deployments == 0);
    gcp_world_done(&again);
    gcp_world_done(&many);
    gcp_world_done(&none);
    gcp_world_done(&w);
    return tap_done();
}
