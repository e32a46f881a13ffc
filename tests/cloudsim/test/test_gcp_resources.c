/* Google's organization as Resource Manager shows it, audit settings of each level, quotas and faults. */
#include "tests/cloudsim/test/gcp_access_client.h"

/* Ids of all pages, joined by blanks; *pages how many there were, *empty how many held nothing. */
static sv all_projects(const char *path, unsigned *pages, unsigned *empty)
{
    sv out = SV_NONE, next = SV_NONE;
    json p;

    *pages = *empty = 0;
    do {
        const char *url =
            next.len ? format("%s%spageToken=%.*s", path, strchr(path, '?') ? "&" : "?", SV_ARG(next)) : path;

        if (get(bearer(), url) != 200)
            return SV("failed");
        *empty += json_count(json_get(parsed(), SV("projects"))) == 0;
        for (struct json_iter it = json_items(json_get(parsed(), SV("projects"))); json_item(&it, &p);)
            out = arena_printf(&arena, "%.*s%.*s ", SV_ARG(out), SV_ARG(json_sv(json_get(p, SV("projectId")))));
        next = token_in("nextPageToken");
    } while (next.len && ++*pages < 100);
    ++*pages;
    return out;
}

static bool holds(sv list, const struct gcp_project *p)
{
    return sv_has(list, arena_printf(&arena, "%.*s ", SV_ARG(p->id)));
}

static void search_finds_all_in_short_pages(void)
{
    unsigned pages, empty;
    sv found = all_projects("/v3/projects:search?pageSize=500", &pages, &empty);

    OK(pages >= 3 && empty == 1);
    for (unsigned i = 0; i < gcp_of(&sim)->world.n_projects; i++)
        OK(holds(found, project(i)));
}

static void several_fields_of_a_query_are_ored(void)
{
    const struct gcp_world *w = &gcp_of(&sim)->world;
    unsigned pages, empty;
    sv in_ai = all_projects(format("/v3/projects:search?query=parent:%.*s", SV_ARG(w->folders[0].id)), &pages, &empty);
    sv both = all_projects(format("/v3/projects:search?query=parent:%.*s%%20state:ACTIVE", SV_ARG(w->folders[0].id)),
                           &pages, &empty);

    OK(holds(in_ai, project(0)) && !holds(in_ai, project(1)) && holds(in_ai, project(w->n_members)));
    OK(holds(both, project(0)) && holds(both, project(1)) && holds(both, project(w->n_members + 1)));
    OK(sv_eq(all_projects(format("/v3/projects:search?query=id:%.*s", SV_ARG(project(2)->id)), &pages, &empty),
             arena_printf(&arena, "%.*s ", SV_ARG(project(2)->id))));
    OK(holds(all_projects("/v3/projects:search?query=labels.team:platform", &pages, &empty), project(0)));
    OK(get(bearer(), "/v3/projects:search?query=nothing") == 400 && sv_eq(status_name(), SV("INVALID_ARGUMENT")));
    OK(get(bearer(), "/v3/projects:search?query=colour:red") == 400);
    OK(get(bearer(), "/v3/projects:search?query=id:nobody") == 200 &&
       json_is_absent(json_get(parsed(), SV("projects"))));
}

static void a_list_goes_one_level_down(void)
{
    const struct gcp_world *w = &gcp_of(&sim)->world;
    unsigned pages, empty;
    sv ai = all_projects(format("/v3/projects?parent=%.*s", SV_ARG(w->folders[0].id)), &pages, &empty);
    sv nested = all_projects(format("/v3/projects?parent=%.*s", SV_ARG(w->folders[1].id)), &pages, &empty);
    sv deleted =
        all_projects(format("/v3/projects?parent=%.*s&showDeleted=true", SV_ARG(w->folders[0].id)), &pages, &empty);

    OK(holds(ai, project(0)) && holds(ai, project(2)) && !holds(ai, project(1)) && !holds(ai, project(w->n_members)));
    OK(holds(nested, project(1)) && holds(nested, project(3)) && !holds(nested, project(0)));
    OK(holds(deleted, project(w->n_members)));
    OK(refused(get(bearer(), format("/v3/projects?parent=%.*s", SV_ARG(w->folders[2].id))), 403, "PERMISSION_DENIED",
               "IAM_PERMISSION_DENIED"));
    OK(refused(get(bearer(), "/v3/projects?parent=folders/1"), 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"));
    OK(get(bearer(), "/v3/projects?parent=example.com") == 400);
    OK(get(bearer(), format("/v3/projects?parent=%.*s&pageToken=bm90aGluZw", SV_ARG(w->folders[0].id))) == 400);
    OK(get(bearer(), format("/v3/projects?parent=%.*s&pageSize=-1", SV_ARG(w->folders[0].id))) == 400);
}

static void folders_are_listed_level_by_level(void)
{
    const struct gcp_world *w = &gcp_of(&sim)->world;
    json f = { .tape = NULL };

    OK(get(bearer(), format("/v3/folders?parent=%.*s", SV_ARG(w->folders[0].id))) == 200);
    for (struct json_iter it = json_items(json_get(parsed(), SV("folders"))); json_item(&it, &f);)
        OK(sv_eq(json_sv(json_get(f, SV("name"))), w->folders[1].id) &&
           sv_eq(json_sv(json_get(f, SV("parent"))), w->folders[0].id));
    OK(f.tape != NULL);
    OK(get(bearer(), format("/v3/%.*s", SV_ARG(w->folders[1].id))) == 200 &&
       sv_eq(json_sv(json_get(parsed(), SV("parent"))), w->folders[0].id));
    OK(refused(get(bearer(), format("/v3/%.*s", SV_ARG(w->folders[2].id))), 403, "PERMISSION_DENIED",
               "IAM_PERMISSION_DENIED"));
    OK(get(bearer(), format("/v3/folders?parent=%.*s", SV_ARG(w->organization_id))) == 200 &&
       token_in("nextPageToken").len > 0);
    OK(get(bearer(), format("/v3/folders?parent=%.*s", SV_ARG(w->folders[1].id))) == 200 &&
       json_is_absent(json_get(parsed(), SV("folders"))));
}

static void a_project_tells_number_id_state_and_labels(void)
{
    const struct gcp_world *w = &gcp_of(&sim)->world;

    OK(get(bearer(), format("/v3/projects/%.*s", SV_ARG(project(0)->number))) == 200);
    OK(sv_eq(json_sv(json_get(parsed(), SV("projectId"))), project(0)->id));
    OK(sv_eq(json_sv(json_path(parsed(), "labels/team")), project(0)->team));
    OK(get(bearer(), format("/v3/projects/%.*s", SV_ARG(project(2)->id))) == 200 &&
       json_is_absent(json_get(parsed(), SV("labels"))));
    OK(get(bearer(), format("/v3/projects/%.*s", SV_ARG(project(w->n_members)->id))) == 200 &&
       sv_eq(json_sv(json_get(parsed(), SV("state"))), SV("DELETE_REQUESTED")));
    OK(refused(get(bearer(), "/v3/projects/nobodys-project"), 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"));
}

/* ---- policies ---- */

static int policy(sv name)
{
    sv url = arena_printf(&arena, "%.*s/v3/%.*s:getIamPolicy", SV_ARG(tls_origin()), SV_ARG(name));

    return send_to("POST", url, bearer(), "application/json", SV("{\"options\":{\"requestedPolicyVersion\":3}}"));
}

static sv project_name(unsigned i)
{
    return arena_printf(&arena, "projects/%.*s", SV_ARG(project(i)->id));
}

/* Whether the answer switches DATA_READ on for our service; *exempted the first member that is left out. */
static bool reads_logged(sv *exempted)
{
    bool on = false;
    json c, l;

    *exempted = SV_NONE;
    for (struct json_iter it = json_items(json_get(parsed(), SV("auditConfigs"))); json_item(&it, &c);) {
        sv service = json_sv(json_get(c, SV("service")));

        if (!sv_eq(service, SV("allServices")) && !sv_eq(service, SV("aiplatform.googleapis.com")))
            continue;
        for (struct json_iter in = json_items(json_get(c, SV("auditLogConfigs"))); json_item(&in, &l);) {
            json who = json_get(l, SV("exemptedMembers"));
            struct json_iter members = json_items(who);

            if (!sv_eq(json_sv(json_get(l, SV("logType"))), SV("DATA_READ")))
                continue;
            on = true;
            if (json_item(&members, &who))
                *exempted = json_sv(who);
        }
    }
    return on;
}

static void a_level_tells_only_its_own_audit_settings(void)
{
    const struct gcp_world *w = &gcp_of(&sim)->world;
    sv exempted = SV_NONE;

    OK(policy(project_name(0)) == 200 && reads_logged(&exempted));
    OK(sv_eq(exempted, w->callers[project(0)->exempted].subject) && exempted.len);
    OK(policy(project_name(1)) == 200 && !reads_logged(&exempted) && project(1)->logs);
    OK(policy(w->folders[1].id) == 200 && reads_logged(&exempted) && !exempted.len);
    OK(policy(project_name(2)) == 200 && !reads_logged(&exempted) && !project(2)->logs);
    OK(policy(project_name(3)) == 200 && reads_logged(&exempted));
    OK(policy(w->folders[0].id) == 200 && !reads_logged(&exempted));
    OK(policy(w->organization_id) == 200 && !reads_logged(&exempted));
    OK(json_count(json_get(parsed(), SV("bindings"))) > 0);
}

static void some_levels_are_closed(void)
{
    const struct gcp_world *w = &gcp_of(&sim)->world;

    OK(refused(policy(w->folders[2].id), 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"));
    OK(refused(policy(SV("folders/1")), 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"));
    OK(refused(policy(SV("organizations/1")), 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"));
    OK(refused(policy(project_name(w->n_members + 1)), 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"));
    OK(refused(policy(SV("projects/nobody")), 403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"));
}

/* ---- sinks and quotas ---- */

static void the_default_sink_keeps_data_access_logs(void)
{
    unsigned n = 0;
    json s;

    OK(get(bearer(), format("/v2/projects/%.*s/sinks", SV_ARG(project(1)->id))) == 200);
    for (struct json_iter it = json_items(json_get(parsed(), SV("sinks"))); json_item(&it, &s); n++)
        OK(!sv_has(json_sv(json_get(s, SV("filter"))), SV("data_access")));
    OK(n == 2);
}

static void quotas_run_from_specific_to_general(void)
{
    const char *path = format("/v1/projects/%.*s/locations/global/services/aiplatform.googleapis.com/quotaInfos",
                              SV_ARG(project(0)->id));
    json q, d;

    OK(get(bearer(), path) == 200 && sv_eq(token_in("nextPageToken"), SV("q2")));
    for (struct json_iter it = json_items(json_get(parsed(), SV("quotaInfos"))); json_item(&it, &q);) {
        bool general = false;

        for (struct json_iter in = json_items(json_get(q, SV("dimensionsInfos"))); json_item(&in, &d);) {
            OK(!general);
            general = json_is_absent(json_get(d, SV("dimensions")));
        }
        OK(general);
    }
    OK(get(bearer(), format("%s?pageToken=q2", path)) == 200 && !token_in("nextPageToken").len);
    OK(get(bearer(), format("%s?pageToken=q3", path)) == 400);
    OK(refused(get(assertion((struct claims){ .sub = "", .scope = AUTH "cloud-platform.read-only" }), path), 403,
               "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"));
}

/* ---- limits and faults ---- */

static int entries(unsigned i)
{
    sv url = arena_printf(&arena, "%.*s/v2/entries:list", SV_ARG(tls_origin()));
    const char *body =
        format("{\"resourceNames\":[\"projects/%.*s\"],\"filter\":\"timestamp>=\\\"2026-11-24T09:00:00Z\\\" "
               "AND timestamp<\\\"2026-11-24T09:01:00Z\\\"\"}",
               SV_ARG(project(i)->id));

    return send_to("POST", url, bearer(), "application/json", sv_of(body));
}

static bool has_detail(const char *type, const char *member)
{
    json d;

    for (struct json_iter it = json_items(json_path(parsed(), "error/details")); json_item(&it, &d);)
        if (sv_ends(json_sv(json_get(d, SV("@type"))), sv_of(type)))
            return !json_is_absent(json_path(d, member));
    return false;
}

static void a_project_has_sixty_log_reads_a_minute(void)
{
    unsigned n = 0;

    while (n < 70 && entries(0) != 429)
        n++;
    OK(n == 60 && refused(answer.status, 429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"));
    OK(has_detail("google.rpc.RetryInfo", "retryDelay") && has_detail("google.rpc.QuotaFailure", "violations"));
    OK(has_detail("google.rpc.ErrorInfo", "metadata/quota_limit"));
    OK(entries(1) != 429);
    OK(get(bearer(), format("/v3/projects/%.*s", SV_ARG(project(0)->id))) == 200);
    clock_advance(10 * NANO_PER_S);
    OK(entries(0) != 429);
    clock_set_manual(ORIGIN);
}

static void faults_speak_the_dialect_of_who_is_asked(void)
{
    OK(control("POST", "/faults", "{\"api\":\"monitoring:timeSeries.list\",\"kind\":\"throttle\",\"seconds\":9}") ==
       200);
    OK(refused(get(bearer(), format("/v3/projects/%.*s/timeSeries", SV_ARG(project(0)->id))), 429, "RESOURCE_EXHAUSTED",
               "RATE_LIMIT_EXCEEDED"));
    OK(has_detail("google.rpc.Help", "links") && !has_detail("google.rpc.RetryInfo", "retryDelay"));
    OK(control("POST", "/faults", "{\"api\":\"resourcemanager:*\",\"kind\":\"status\",\"status\":503}") == 200);
    OK(get(bearer(), "/v3/projects:search") == 503 && sv_eq(status_name(), SV("UNAVAILABLE")));
    OK(control("POST", "/faults", "{\"api\":\"oauth2:token\",\"kind\":\"status\",\"status\":500}") == 200);
    OK(send_to("POST", arena_printf(&arena, "%.*s/token", SV_ARG(tls_origin())), SV_NONE,
               "application/x-www-form-urlencoded", SV("grant_type=x")) == 500 &&
       sv_eq(json_sv(json_get(parsed(), SV("error"))), SV("internal_failure")));
    OK(control("POST", "/faults", "{\"clear\":true}") == 200);
    OK(get(bearer(), "/v3/projects:search") == 200);
}

static void a_fault_may_hit_one_project_or_level(void)
{
    const struct gcp_world *w = &gcp_of(&sim)->world;

    OK(control("POST", "/faults",
               format("{\"cloud\":\"gcp\",\"account\":\"%.*s\",\"kind\":\"deny\"}", SV_ARG(project(1)->id))) == 200);
    OK(control("POST", "/faults",
               format("{\"api\":\"resourcemanager:getIamPolicy\",\"account\":\"%.*s\",\"kind\":\"deny\"}",
                      SV_ARG(w->folders[0].id))) == 200);
    OK(entries(1) == 403 && entries(0) != 403);
    OK(policy(w->folders[0].id) == 403 && policy(w->folders[1].id) == 200);
    OK(control("POST", "/faults", "{\"cloud\":\"gcp\",\"account\":\"nobody\",\"kind\":\"deny\"}") == 400);
    OK(control("POST", "/faults", "{\"clear\":true}") == 200);
}

int main(void)
{
    start_gcp();
    RUN(search_finds_all_in_short_pages);
    RUN(several_fields_of_a_query_are_ored);
    RUN(a_list_goes_one_level_down);
    RUN(folders_are_listed_level_by_level);
    RUN(a_project_tells_number_id_state_and_labels);
    RUN(a_level_tells_only_its_own_audit_settings);
    RUN(some_levels_are_closed);
    RUN(the_default_sink_keeps_data_access_logs);
    RUN(quotas_run_from_specific_to_general);
    RUN(a_project_has_sixty_log_reads_a_minute);
    RUN(faults_speak_the_dialect_of_who_is_asked);
    RUN(a_fault_may_hit_one_project_or_level);
    stop_sim();
    return tap_done();
}
