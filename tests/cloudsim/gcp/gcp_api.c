/*
 * The table of Google's methods. One port serves all services, which are told apart by path; the verbs after a colon
 * belong to the last segment ("/v2/entries:list", "/v3/folders/42:getIamPolicy").
 */
#include "tests/cloudsim/gcp/gcp_api.h"

#define MONITORING_SCOPES (GCP_SCOPE_PLATFORM | GCP_SCOPE_MONITORING | GCP_SCOPE_MONITORING_READ)
#define LOGGING_SCOPES    (GCP_SCOPE_PLATFORM | GCP_SCOPE_PLATFORM_READ | GCP_SCOPE_LOGGING_ADMIN | GCP_SCOPE_LOGGING_READ)
#define CONTROL_SCOPES    (GCP_SCOPE_PLATFORM | GCP_SCOPE_PLATFORM_READ)
#define METRICS           "google.monitoring.v3.MetricService."
#define LOGGING           "google.logging.v2.LoggingServiceV2."
#define LOG_CONFIG        "google.logging.v2.ConfigServiceV2."
#define MANAGER           "google.cloud.resourcemanager.v3."
#define POLICY            "getIamPolicy"
#define INSTANCE          "/computeMetadata/v1/instance"
#define PROJECT           "/computeMetadata/v1/project"

/* clang-format off */
#define API(name, method, path, quota, handle)  { name, method, path, AUD_OWN, quota, 0, handle }
#define PLAIN(name, path, handle)               { { name, "GET", path, AUD_PLAIN, NULL, 0, handle }, GCP_METADATA, "metadata", "", 0, NULL }

static const struct gcp_row rows[] = {
    /* in /requests and /faults           method  path                                     quota                  handler                         dialect   service                 method                                    scopes             permission */
    { API("monitoring:timeSeries.list",   "GET",  "/v3/projects/{}/timeSeries",            &gcp_quota_series,  gcp_time_series),          GCP_RPC,  "monitoring",           METRICS "ListTimeSeries",                 MONITORING_SCOPES, "monitoring.timeSeries.list" },
    { API("monitoring:metricDescriptors.list", "GET", "/v3/projects/{}/metricDescriptors", &gcp_quota_descriptors, gcp_descriptors),   GCP_RPC,  "monitoring",           METRICS "ListMetricDescriptors",          MONITORING_SCOPES, "monitoring.metricDescriptors.list" },
    { API("logging:entries.list",         "POST", "/v2/entries:list",                      &gcp_quota_entries,     gcp_entries),          GCP_RPC,  "logging",              LOGGING "ListLogEntries",                 LOGGING_SCOPES,    "logging.logEntries.list" },
    { API("logging:views.list",           "GET",  "/v2/projects/{}/locations/{}/buckets/{}/views", &gcp_quota_control, gcp_views),           GCP_RPC,  "logging",              LOG_CONFIG "ListViews",                   LOGGING_SCOPES,    "logging.views.list" },
    { API("logging:sinks.list",           "GET",  "/v2/projects/{}/sinks",                 &gcp_quota_control,     gcp_sinks),                GCP_RPC,  "logging",              LOG_CONFIG "ListSinks",                   LOGGING_SCOPES,    "logging.sinks.list" },
    { API("resourcemanager:projects.search", "GET", "/v3/projects:search",                 &gcp_quota_control,     gcp_search_projects),           GCP_RPC,  "cloudresourcemanager", MANAGER "Projects.SearchProjects",        CONTROL_SCOPES,    NULL },
    { API("resourcemanager:projects.list", "GET", "/v3/projects",                          &gcp_quota_control,     gcp_list_projects),             GCP_RPC,  "cloudresourcemanager", MANAGER "Projects.ListProjects",          CONTROL_SCOPES,    "resourcemanager.projects.list" },
    { API("resourcemanager:projects.get", "GET",  "/v3/projects/{}",                       &gcp_quota_control,     gcp_get_project),               GCP_RPC,  "cloudresourcemanager", MANAGER "Projects.GetProject",            CONTROL_SCOPES,    "resourcemanager.projects.get" },
    { API("resourcemanager:folders.list", "GET",  "/v3/folders",                           &gcp_quota_control,     gcp_list_folders),              GCP_RPC,  "cloudresourcemanager", MANAGER "Folders.ListFolders",            CONTROL_SCOPES,    "resourcemanager.folders.list" },
    { API("resourcemanager:folders.get",  "GET",  "/v3/folders/{}",                        &gcp_quota_control,     gcp_get_folder),                GCP_RPC,  "cloudresourcemanager", MANAGER "Folders.GetFolder",              CONTROL_SCOPES,    "resourcemanager.folders.get" },
    { API("resourcemanager:getIamPolicy", "POST", "/v3/projects/{}:" POLICY,               &gcp_quota_control,     gcp_project_policy),            GCP_RPC,  "cloudresourcemanager", MANAGER "Projects.GetIamPolicy",          CONTROL_SCOPES,    "resourcemanager.projects.getIamPolicy" },
    { API("resourcemanager:getIamPolicy", "POST", "/v3/folders/{}:" POLICY,                &gcp_quota_control,     gcp_folder_policy),             GCP_RPC,  "cloudresourcemanager", MANAGER "Folders.GetIamPolicy",           CONTROL_SCOPES,    "resourcemanager.folders.getIamPolicy" },
    { API("resourcemanager:getIamPolicy", "POST", "/v3/organizations/{}:" POLICY,          &gcp_quota_control,     gcp_organization_policy),       GCP_RPC,  "cloudresourcemanager", MANAGER "Organizations.GetIamPolicy",     CONTROL_SCOPES,    "resourcemanager.organizations.getIamPolicy" },
    { API("cloudquotas:quotaInfos.list",  "GET",  "/v1/projects/{}/locations/{}/services/{}/quotaInfos", &gcp_quota_control, gcp_quota_infos), GCP_RPC, "cloudquotas",          "google.api.cloudquotas.v1.CloudQuotas.ListQuotaInfos", GCP_SCOPE_PLATFORM, "cloudquotas.quotas.get" },
    { API("iamcredentials:generateAccessToken", "POST", "/v1/projects/{}/serviceAccounts/{}:generateAccessToken", &gcp_quota_control, gcp_generate_token), GCP_RPC, "iamcredentials", "google.iam.credentials.v1.IAMCredentials.GenerateAccessToken", GCP_SCOPE_PLATFORM | GCP_SCOPE_IAM, NULL },
    { API("oauth2:token",                 "POST", "/token",                                NULL,            gcp_oauth_token),               GCP_OAUTH, "oauth2",              "", 0, NULL },
    { API("sts:token",                    "POST", "/v1/token",                             NULL,            gcp_sts_token),                 GCP_OAUTH, "sts",                 "", 0, NULL },
    PLAIN("metadata:token",   INSTANCE "/service-accounts/{}/token",                       gcp_metadata_token),
    PLAIN("metadata:read",    INSTANCE "/service-accounts/{}/email",                       gcp_metadata_email),
    PLAIN("metadata:read",    INSTANCE,                                                    gcp_metadata_instance),
    PLAIN("metadata:read",    PROJECT "/project-id",                                       gcp_metadata_project),
    PLAIN("metadata:read",    PROJECT "/numeric-project-id",                               gcp_metadata_number),
    PLAIN("metadata:read",    "/computeMetadata/v1/universe/universe-domain",              gcp_metadata_universe),
    PLAIN("provider:token",   "/gcp/subject-token",                                        gcp_provider_token),
    PLAIN("provider:aws",     "/gcp/aws/zone",                                             gcp_aws_zone),
    PLAIN("provider:aws",     "/gcp/aws/credentials",                                      gcp_aws_roles),
    PLAIN("provider:aws",     "/gcp/aws/credentials/{}",                                   gcp_aws_keys),
    { { "provider:aws", "PUT", "/gcp/aws/token", AUD_PLAIN, NULL, 0, gcp_aws_session }, GCP_METADATA, "metadata", "", 0, NULL },
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof rows[0] };

const struct api_row *gcp_row_at(unsigned i)
{
    return i < ROWS ? &rows[i].row : NULL;
}

/* "{}", "{}:verb" or a word; paths of Google are told apart by case. */
static bool segment_matches(sv want, sv got, sv *capture)
{
    sv verb;

    *capture = SV_NONE;
    if (!sv_starts(want, SV("{}")))
        return sv_eq(want, got);
    verb = sv_skip(want, 2);
    *capture = sv_first(got, got.len - (verb.len <= got.len ? verb.len : 0));
    return capture->len > 0 && sv_ends(got, verb) && (verb.len || sv_find(got, ':') == got.len);
}

static bool path_matches(const char *pattern, sv path, struct exchange *x)
{
    sv want = sv_of(pattern);

    x->n_captures = 0;
    sv_cut(&want, '/');
    sv_cut(&path, '/');
    while (want.len && path.len) {
        sv capture, w = sv_cut(&want, '/'), p = sv_cut(&path, '/');

        if (!segment_matches(w, p, &capture))
            return false;
        if (capture.len)
            x->captures[x->n_captures++] = capture;
    }
    return want.len == 0 && path.len == 0;
}

static bool ours(sv path, bool plain)
{
    static const char *const there[] = {
        "/token", "/v1/token", "/v1/projects/", "/v2/entries:", "/v2/projects/", "/v3/"
    };

    if (plain)
        return sv_starts(path, SV("/computeMetadata")) || sv_starts(path, SV("/gcp/"));
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
        if (sv_starts(path, sv_of(there[i])))
            return true;
    return false;
}

bool gcp_route(struct exchange *x, bool plain)
{
    if (!ours(x->q->path, plain))
        return false;
    for (unsigned i = 0; i < ROWS && !x->row; i++)
        if (plain == (rows[i].row.audience == AUD_PLAIN) && sv_eq(sv_of(rows[i].row.method), x->q->method) &&
            path_matches(rows[i].row.path, x->q->path, x))
            x->row = &rows[i].row;
    return true;
}

/* A page for people: no service was reached. */
void gcp_unknown(struct exchange *x)
{
    if (sv_starts(x->q->path, SV("/computeMetadata"))) {
        gcp_metadata_refuse(x, 404, "The requested URL was not found on this server. That's all we know.");
        return;
    }
    x->r->status = 404;
    x->r->content_type = "text/html; charset=UTF-8";
    buf_printf(
        &x->r->body,
        "<!DOCTYPE html>\n<html lang=en>\n  <title>Error 404 (Not Found)!!1</title>\n  <p><b>404.</b> <ins>That's "
        "an error.</ins>\n  <p>The requested URL was not found on this server.\n");
}
