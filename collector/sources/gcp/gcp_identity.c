/*
 * The search order of Google's libraries (gcp.md 4.1), with the configuration's own file in front: a file that is named
 * and cannot be read or used is an error, never passed over, since another identity than the operator meant would
 * answer. The metadata server comes last; whether there is one shows when it is first asked.
 */
#include "collector/sources/gcp/gcp_identity.h"

#include <errno.h>
#include <unistd.h>

#include "collector/config/secret.h"
#include "collector/sources/credential.h"

enum { ARENA_BYTES_MAX = 4 << 20 };

struct chooser {
    const struct gcp_auth_config *c;
    struct gcp_identity *id;
    struct err *e;
};

static const char *environment(const struct chooser *ch, const char *name)
{
    return credential_environment(ch->c->environment, name);
}

static sv kept(const struct chooser *ch, sv s)
{
    return arena_copy(&ch->id->arena, s);
}

static enum err_code read_file(struct chooser *ch, const char *path)
{
    struct buf bytes;
    enum err_code code = ERR_OK;

    buf_init(&bytes, GCP_FILE_BYTES_MAX);
    if (buf_read_file(&bytes, path, GCP_FILE_BYTES_MAX, ch->e))
        code = err_set(ch->e, ERR_CONFIG,
                       "cannot be read: check the path, that it is readable by this user, and that "
                       "it is a credential file");
    else
        code = gcp_credential_parse(buf_sv(&bytes), &ch->id->hosts, ch->c->exchange_key, &ch->id->arena,
                                    &ch->id->credential, ch->e);
    secret_wipe(&bytes);
    return code ? err_wrap(ch->e, "%.*s", SV_ARG(sv_first(ch->id->from, 160))) : ERR_OK;
}

/* $CLOUDSDK_CONFIG, else ~/.config/gcloud. Empty when neither is known or the file does not exist. */
static sv gcloud_file(const struct chooser *ch)
{
    static const char name[] = "application_default_credentials.json";
    const char *directory = environment(ch, "CLOUDSDK_CONFIG"), *home = environment(ch, "HOME");
    sv path = SV_NONE;

    if (directory)
        path = arena_printf(&ch->id->arena, "%s/%s", directory, name);
    else if (home)
        path = arena_printf(&ch->id->arena, "%s/.config/gcloud/%s", home, name);
    return path.len && (access(path.at, F_OK) == 0 || errno == EACCES) ? path : SV_NONE;
}

static enum err_code by_metadata(struct chooser *ch)
{
    const char *host = environment(ch, "GCE_METADATA_HOST"), *check = environment(ch, "NO_GCE_CHECK");
    sv base = ch->id->metadata_url;

    host = host ? host : environment(ch, "GCE_METADATA_ROOT");
    host = host ? host : environment(ch, "GCE_METADATA_IP");
    if (!base.len && check && sv_eq_nocase(sv_of(check), SV("true")))
        return err_set(ch->e, ERR_CONFIG,
                       "no credentials: no credentials_file, no GOOGLE_APPLICATION_CREDENTIALS, no login of gcloud's, "
                       "and the metadata server is switched off (NO_GCE_CHECK)");
    if (!base.len)
        base = arena_printf(&ch->id->arena, "http://%s", host ? host : "metadata.google.internal");
    ch->id->metadata_url = base;
    ch->id->credential.type = GCP_METADATA;
    ch->id->from = base;
    return ERR_OK;
}

static enum err_code choose(struct chooser *ch)
{
    const char *own = ch->c->credentials_file, *named = environment(ch, "GOOGLE_APPLICATION_CREDENTIALS");
    struct arena *a = &ch->id->arena;
    sv path;

    if (own && *own) {
        ch->id->from = arena_printf(a, "credentials_file %s", own);
        return read_file(ch, own);
    }
    if (named) {
        ch->id->from = arena_printf(a, "GOOGLE_APPLICATION_CREDENTIALS %s", named);
        return read_file(ch, named);
    }
    path = gcloud_file(ch);
    if (path.len) {
        ch->id->from = arena_printf(a, "gcloud's %.*s", SV_ARG(path));
        return read_file(ch, path.at);
    }
    return by_metadata(ch);
}

/* What the environment or the configuration says in place of the file. */
static enum err_code choose_projects(struct chooser *ch)
{
    const char *project = environment(ch, "GOOGLE_CLOUD_PROJECT"), *quota = ch->c->quota_project;

    project = project ? project : environment(ch, "GCLOUD_PROJECT");
    quota = quota && *quota ? quota : environment(ch, "GOOGLE_CLOUD_QUOTA_PROJECT");
    ch->id->project_id = project ? kept(ch, sv_of(project)) : ch->id->credential.project_id;
    ch->id->quota_project = quota ? kept(ch, sv_of(quota)) : ch->id->credential.quota_project;
    if (ch->id->quota_project.len && !credential_is_word(ch->id->quota_project))
        return err_set(ch->e, ERR_CONFIG, "the quota project holds blanks or control bytes");
    return ERR_OK;
}

enum err_code gcp_identity_choose(struct gcp_identity *id, const struct gcp_auth_config *c, struct err *e)
{
    struct err local;
    struct chooser ch = { .c = c, .e = e ? e : &local };
    const char *universe = environment(&ch, "GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    sv metadata = sv_of(c->metadata_url);
    enum err_code code;

    *id = (struct gcp_identity){ .hosts.endpoint_url = c->endpoint_url };
    arena_init(&id->arena, ARENA_BYTES_MAX);
    ch.id = id;
    id->hosts.universe = kept(&ch, universe ? sv_of(universe) : SV("googleapis.com"));
    if (!gcp_universe_ok(id->hosts.universe))
        return err_set(e, ERR_CONFIG, "GOOGLE_CLOUD_UNIVERSE_DOMAIN is no domain");
    while (sv_ends(metadata, SV("/")))
        metadata.len--;
    id->metadata_url = kept(&ch, metadata);
    code = choose(&ch);
    if (!code)
        code = choose_projects(&ch);
    if (!code && id->arena.failed)
        code = err_set(e, ERR_LIMIT, "no memory left");
    return code;
}

void gcp_identity_done(struct gcp_identity *id)
{
    gcp_credential_wipe(&id->credential);
    arena_done(&id->arena);
    *id = (struct gcp_identity){ 0 };
}
