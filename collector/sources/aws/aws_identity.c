/*
 * The chain as botocore walks it (aws.md 4.3): the first way that yields credentials wins. What a daemon cannot do (SSO,
 * a second factor) or does not do (running a command) is an error where it would win, never passed over: another identity
 * than the operator meant would answer.
 *
 * A profile with a role is a line of AssumeRole hops that ends at keys, at a web identity or at a metadata service; it
 * is walked here and written down, so that renewing is a loop.
 */
#include "collector/sources/aws/aws_identity.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "collector/sources/aws/aws_ini.h"
#include "collector/sources/credential.h"

enum { ARENA_BYTES_MAX = 8 << 20, ROLE_SECONDS_MIN = 900, ROLE_SECONDS_MAX = 43200 };

struct chooser {
    const struct aws_auth_config *c;
    struct aws_identity *id;
    struct aws_ini config, credentials;
    sv profile; /* the one asked for */
    bool named; /* by somebody, so that it must exist */
    sv walked[AWS_ROLES_MAX];
    size_t n_walked;
};

static sv environment(const struct aws_auth_config *c, const char *name)
{
    return sv_of(credential_environment(c->environment, name));
}

static bool is_true(sv s)
{
    return sv_eq_nocase(s, SV("true"));
}

/* A profile's setting: the credentials file's word before the config file's. */
static sv setting(const struct chooser *ch, sv profile, const char *key)
{
    sv v = aws_ini_get(&ch->credentials, profile, sv_of(key));

    return v.len ? v : aws_ini_get(&ch->config, profile, sv_of(key));
}

static bool exists(const struct chooser *ch, sv profile)
{
    return aws_ini_has(&ch->credentials, profile) || aws_ini_has(&ch->config, profile);
}

static sv kept(const struct chooser *ch, sv s)
{
    return arena_copy(&ch->id->arena, s);
}

/* ---- Keys ---- */

static struct sigv4_credentials keys_in(const struct aws_ini *ini, sv profile)
{
    sv token = aws_ini_get(ini, profile, SV("aws_session_token"));

    return (struct sigv4_credentials){ aws_ini_get(ini, profile, SV("aws_access_key_id")),
                                       aws_ini_get(ini, profile, SV("aws_secret_access_key")),
                                       token.len ? token : aws_ini_get(ini, profile, SV("aws_security_token")) };
}

static enum err_code whole(const struct sigv4_credentials *k, const char *where, sv name, struct err *e)
{
    if (k->access_key_id.len && k->secret_access_key.len)
        return ERR_OK;
    return err_set(e, ERR_CONFIG, "%s%.*s: %s is missing", where, SV_ARG(name),
                   k->access_key_id.len ? "aws_secret_access_key" : "aws_access_key_id");
}

/* *found says whether there are any. */
static enum err_code by_file(struct chooser *ch, sv profile, const struct aws_ini *ini, bool *found, struct err *e)
{
    struct sigv4_credentials k = keys_in(ini, profile);

    *found = k.access_key_id.len || k.secret_access_key.len;
    if (!*found)
        return ERR_OK;
    if (whole(&k, "profile ", profile, e))
        return ERR_CONFIG;
    ch->id->way = AWS_WAY_FILE;
    ch->id->keys = k;
    ch->id->kind = arena_printf(&ch->id->arena, "profile %.*s", SV_ARG(profile));
    return ERR_OK;
}

static enum err_code by_environment(struct chooser *ch, bool *found, struct err *e)
{
    sv token = environment(ch->c, "AWS_SESSION_TOKEN"), ends = environment(ch->c, "AWS_CREDENTIAL_EXPIRATION");
    struct sigv4_credentials k = { environment(ch->c, "AWS_ACCESS_KEY_ID"), environment(ch->c, "AWS_SECRET_ACCESS_KEY"),
                                   token.len ? token : environment(ch->c, "AWS_SECURITY_TOKEN") };

    *found = k.access_key_id.len > 0;
    if (!*found)
        return ERR_OK;
    if (!k.secret_access_key.len)
        return err_set(e, ERR_CONFIG, "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not");
    if (ends.len && !sv_to_time(ends, &ch->id->ends_unix_nano))
        return err_set(e, ERR_CONFIG, "AWS_CREDENTIAL_EXPIRATION is no time: want 2026-11-20T10:00:00Z");
    ch->id->way = AWS_WAY_ENVIRONMENT;
    ch->id->keys = (struct sigv4_credentials){ kept(ch, k.access_key_id), kept(ch, k.secret_access_key),
                                               kept(ch, k.session_token) };
    ch->id->kind = SV("environment");
    return ERR_OK;
}

/* ---- Roles ---- */

static enum err_code role_seconds(const struct chooser *ch, sv profile, int64_t *out, struct err *e)
{
    sv text = setting(ch, profile, "duration_seconds");

    *out = AWS_ROLE_SECONDS;
    if (text.len && (!sv_to_i64(text, out) || *out < ROLE_SECONDS_MIN || *out > ROLE_SECONDS_MAX))
        return err_set(e, ERR_CONFIG, "profile %.*s: duration_seconds is not within %d and %d", SV_ARG(profile),
                       ROLE_SECONDS_MIN, ROLE_SECONDS_MAX);
    return ERR_OK;
}

static enum err_code role_of(const struct chooser *ch, sv profile, struct aws_role *out, struct err *e)
{
    sv session = setting(ch, profile, "role_session_name");

    *out = (struct aws_role){ .arn = setting(ch, profile, "role_arn"),
                              .external_id = setting(ch, profile, "external_id"),
                              .session_name =
                                  session.len ? session : aws_session_name(ch->c->session_name, &ch->id->arena) };
    return role_seconds(ch, profile, &out->duration_s, e);
}

static bool has_role(const struct chooser *ch, sv profile)
{
    return setting(ch, profile, "role_arn").len && !setting(ch, profile, "web_identity_token_file").len;
}

/* Environment before profile, unless the profile was chosen in our configuration. */
static enum err_code by_web_identity(struct chooser *ch, sv profile, bool *found, struct err *e)
{
    bool from_environment = !ch->c->profile || !*ch->c->profile;
    sv file = from_environment ? environment(ch->c, "AWS_WEB_IDENTITY_TOKEN_FILE") : SV_NONE;
    sv arn = from_environment ? environment(ch->c, "AWS_ROLE_ARN") : SV_NONE;
    sv session = from_environment ? environment(ch->c, "AWS_ROLE_SESSION_NAME") : SV_NONE;

    file = file.len ? file : setting(ch, profile, "web_identity_token_file");
    *found = file.len > 0;
    if (!*found)
        return ERR_OK;
    if (role_of(ch, profile, &ch->id->web, e))
        return ERR_CONFIG;
    if (arn.len)
        ch->id->web.arn = kept(ch, arn);
    if (session.len)
        ch->id->web.session_name = kept(ch, session);
    if (!ch->id->web.arn.len)
        return err_set(e, ERR_CONFIG, "web identity without a role: set role_arn beside the token file (AWS_ROLE_ARN)");
    ch->id->web_token_file = kept(ch, file);
    ch->id->way = AWS_WAY_WEB_IDENTITY;
    ch->id->kind = SV("web identity");
    return ERR_OK;
}

/* ---- Metadata services ---- */

bool aws_container_host_ok(sv url)
{
    static const char *const hosts[] = { "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", NULL };

    return credential_url_ok(url, hosts);
}

static sv without_slash(sv url)
{
    while (sv_ends(url, SV("/")))
        url.len--;
    return url;
}

static enum err_code by_container(struct chooser *ch, bool *found, struct err *e)
{
    sv relative = environment(ch->c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    sv full = environment(ch->c, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    sv base = sv_of(ch->c->container_url && *ch->c->container_url ? ch->c->container_url : "http://169.254.170.2");

    *found = relative.len || full.len;
    if (!*found)
        return ERR_OK;
    if (relative.len && relative.at[0] != '/')
        return err_set(e, ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
    if (!relative.len && !aws_container_host_ok(full))
        return err_set(
            e, ERR_CONFIG,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI: its host is neither loopback nor a container agent's, and the "
            "URL is not https");
    base = without_slash(base);
    ch->id->url =
        relative.len ? arena_printf(&ch->id->arena, "%.*s%.*s", SV_ARG(base), SV_ARG(relative)) : kept(ch, full);
    ch->id->auth_token_file = kept(ch, environment(ch->c, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    ch->id->auth_token = kept(ch, environment(ch->c, "AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    ch->id->way = AWS_WAY_CONTAINER;
    ch->id->kind = SV("container");
    return ERR_OK;
}

static enum err_code by_imds(struct chooser *ch, struct err *e)
{
    sv url = sv_of(ch->c->imds_url);

    if (!url.len && is_true(environment(ch->c, "AWS_EC2_METADATA_DISABLED")))
        return err_set(
            e, ERR_CONFIG,
            "no credentials: neither environment, nor profile %.*s, nor a container, and the instance metadata "
            "is disabled (AWS_EC2_METADATA_DISABLED)",
            SV_ARG(ch->profile));
    if (!url.len)
        url = environment(ch->c, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (!url.len)
        url = sv_eq_nocase(environment(ch->c, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), SV("IPv6"))
                  ? SV("http://[fd00:ec2::254]")
                  : SV("http://169.254.169.254");
    ch->id->url = kept(ch, without_slash(url));
    ch->id->way = AWS_WAY_IMDS;
    ch->id->kind = SV("instance metadata");
    return ERR_OK;
}

/* ---- Profiles ---- */

static bool is_sso(const struct chooser *ch, sv profile)
{
    return setting(ch, profile, "sso_session").len || setting(ch, profile, "sso_account_id").len ||
           setting(ch, profile, "sso_start_url").len || setting(ch, profile, "login_session").len;
}

/* What a profile holds by itself; *found is false when that is nothing. */
static enum err_code by_profile(struct chooser *ch, sv profile, bool *found, struct err *e)
{
    enum err_code code = by_web_identity(ch, profile, found, e);

    if (!code && !*found)
        code = by_file(ch, profile, &ch->credentials, found, e);
    if (!code && !*found)
        code = by_file(ch, profile, &ch->config, found, e);
    if (code || *found)
        return code;
    if (is_sso(ch, profile))
        return err_set(
            e, ERR_CONFIG,
            "profile %.*s logs in by SSO, which needs a person at a browser: give the collector a role or keys",
            SV_ARG(profile));
    if (setting(ch, profile, "credential_process").len)
        return err_set(e, ERR_CONFIG,
                       "profile %.*s has a credential_process, and no command is run for credentials: use a role, web "
                       "identity or keys",
                       SV_ARG(profile));
    return ERR_OK;
}

static enum err_code by_credential_source(struct chooser *ch, sv profile, sv source, struct err *e)
{
    enum err_code code = ERR_OK;
    bool found = true;

    if (sv_eq(source, SV("Environment")))
        code = by_environment(ch, &found, e);
    else if (sv_eq(source, SV("EcsContainer")))
        code = by_container(ch, &found, e);
    else if (sv_eq(source, SV("Ec2InstanceMetadata")))
        code = by_imds(ch, e);
    else
        return err_set(e, ERR_CONFIG,
                       "profile %.*s: credential_source is none of Environment, EcsContainer, Ec2InstanceMetadata",
                       SV_ARG(profile));
    if (!code && !found)
        return err_set(e, ERR_CONFIG, "profile %.*s: credential_source %.*s has no credentials here", SV_ARG(profile),
                       SV_ARG(source));
    return code;
}

static enum err_code by_role(struct chooser *ch, sv profile, struct err *e);

static enum err_code by_source_profile(struct chooser *ch, sv profile, sv source, struct err *e)
{
    bool found = false;
    enum err_code code;

    if (!exists(ch, source))
        return err_set(e, ERR_CONFIG, "profile %.*s: its source_profile %.*s is in neither file", SV_ARG(profile),
                       SV_ARG(source));
    code = by_file(ch, source, &ch->credentials, &found, e);
    if (!code && !found)
        code = by_file(ch, source, &ch->config, &found, e);
    if (code || found)
        return code;
    if (has_role(ch, source))
        return by_role(ch, source, e);
    code = by_profile(ch, source, &found, e);
    if (!code && !found)
        return err_set(e, ERR_CONFIG, "profile %.*s: its source_profile %.*s has no credentials", SV_ARG(profile),
                       SV_ARG(source));
    return code;
}

static enum err_code by_role(struct chooser *ch, sv profile, struct err *e)
{
    sv source = setting(ch, profile, "source_profile"), from = setting(ch, profile, "credential_source");
    struct aws_role role;
    enum err_code code;

    for (size_t i = 0; i < ch->n_walked; i++)
        if (sv_eq(ch->walked[i], profile))
            return err_set(e, ERR_CONFIG, "profile %.*s: its source_profile leads back to itself", SV_ARG(profile));
    if (ch->n_walked == AWS_ROLES_MAX)
        return err_set(e, ERR_CONFIG, "profile %.*s: more than %d roles in a row", SV_ARG(ch->profile), AWS_ROLES_MAX);
    ch->walked[ch->n_walked++] = profile;
    if (setting(ch, profile, "mfa_serial").len)
        return err_set(e, ERR_CONFIG, "profile %.*s has an mfa_serial: nobody is there to type a code",
                       SV_ARG(profile));
    if (source.len && from.len)
        return err_set(e, ERR_CONFIG, "profile %.*s has source_profile and credential_source: leave one out",
                       SV_ARG(profile));
    if (!source.len && !from.len)
        return err_set(e, ERR_CONFIG, "profile %.*s has a role_arn, but neither source_profile nor credential_source",
                       SV_ARG(profile));
    code = role_of(ch, profile, &role, e);
    if (!code)
        code = source.len ? by_source_profile(ch, profile, source, e) : by_credential_source(ch, profile, from, e);
    if (!code)
        ch->id->roles[ch->id->n_roles++] = role;
    return code;
}

/* ---- The chain ---- */

static enum err_code chain(struct chooser *ch, struct err *e)
{
    bool found = false, by_hand = ch->c->profile && *ch->c->profile;
    enum err_code code = by_hand ? ERR_OK : by_environment(ch, &found, e);

    if (code || found)
        return code;
    if (ch->named && !exists(ch, ch->profile))
        return err_set(e, ERR_CONFIG, "profile %.*s is in neither file: check profile (AWS_PROFILE)",
                       SV_ARG(ch->profile));
    if (has_role(ch, ch->profile)) {
        code = by_role(ch, ch->profile, e);
        ch->id->kind = arena_printf(&ch->id->arena, "profile %.*s", SV_ARG(ch->profile));
        return code;
    }
    code = by_profile(ch, ch->profile, &found, e);
    if (!code && !found)
        code = by_container(ch, &found, e);
    return code || found ? code : by_imds(ch, e);
}

/* "~/.aws/NAME" when neither configuration nor environment names a file. */
static enum err_code read_file(struct chooser *ch, enum aws_ini_kind kind, const char *own, const char *variable,
                               const char *name, struct err *e)
{
    sv path = environment(ch->c, variable), home = environment(ch->c, "HOME");
    struct aws_ini *ini = kind == AWS_INI_CONFIG ? &ch->config : &ch->credentials;

    if (own && *own)
        return aws_ini_read(ini, kind, own, true, &ch->id->arena, e);
    if (sv_starts(path, SV("~/")))
        path = arena_printf(&ch->id->arena, "%.*s%.*s", SV_ARG(home), SV_ARG(sv_skip(path, 1)));
    else if (!path.len && home.len)
        path = arena_printf(&ch->id->arena, "%.*s/.aws/%s", SV_ARG(home), name);
    path = kept(ch, path);
    return path.len ? aws_ini_read(ini, kind, path.at, false, &ch->id->arena, e) : ERR_OK;
}

static void choose_region(struct chooser *ch)
{
    sv from[] = { sv_of(ch->c->region), environment(ch->c, "AWS_REGION"), environment(ch->c, "AWS_DEFAULT_REGION"),
                  setting(ch, ch->profile, "region") };
    size_t i = 0;

    while (i + 1 < sizeof from / sizeof *from && !from[i].len)
        i++;
    ch->id->region = kept(ch, from[i]);
}

static bool is_switched(const struct chooser *ch, const char *variable, const char *key)
{
    sv v = environment(ch->c, variable);

    return is_true(v.len ? v : setting(ch, ch->profile, key));
}

static void choose_endpoints(struct chooser *ch)
{
    sv sts = environment(ch->c, "AWS_STS_REGIONAL_ENDPOINTS");

    ch->id->fips = is_switched(ch, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    ch->id->dual_stack = is_switched(ch, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    ch->id->sts_global = sv_eq_nocase(sts.len ? sts : setting(ch, ch->profile, "sts_regional_endpoints"), SV("legacy"));
}

enum err_code aws_identity_choose(struct aws_identity *id, const struct aws_auth_config *c, struct err *e)
{
    struct chooser ch = { .c = c, .id = id };
    sv asked = sv_of(c->profile);
    enum err_code code;

    *id = (struct aws_identity){ .kind = SV_NONE };
    arena_init(&id->arena, ARENA_BYTES_MAX);
    if (!asked.len)
        asked = environment(c, "AWS_PROFILE");
    ch.named = asked.len > 0;
    ch.profile = ch.named ? kept(&ch, asked) : SV("default");
    code = read_file(&ch, AWS_INI_CONFIG, c->config_file, "AWS_CONFIG_FILE", "config", e);
    if (!code)
        code = read_file(&ch, AWS_INI_CREDENTIALS, c->shared_credentials_file, "AWS_SHARED_CREDENTIALS_FILE",
                         "credentials", e);
    if (!code)
        code = chain(&ch, e);
    if (code)
        return code;
    choose_region(&ch);
    choose_endpoints(&ch);
    if (id->arena.failed)
        return err_set(e, ERR_CONFIG, "the shared AWS files are too large");
    if (id->region.len && !aws_region_ok(id->region))
        return err_set(e, ERR_CONFIG, "'%.*s' is no region", SV_ARG(sv_first(id->region, 80)));
    return ERR_OK;
}

void aws_identity_done(struct aws_identity *id)
{
    arena_done(&id->arena);
    *id = (struct aws_identity){ .kind = SV_NONE };
}

sv aws_session_name(const char *configured, struct arena *a)
{
    char host[256] = "", *out = arena_alloc(a, AWS_SESSION_NAME_MAX + 1);
    sv name = sv_of(configured);
    size_t n = 0;

    if (!out)
        return SV_NONE;
    if (!name.len && gethostname(host, sizeof host - 1) == 0)
        name = arena_printf(a, "trefoil-%s", host);
    for (size_t i = 0; i < name.len && n < AWS_SESSION_NAME_MAX; i++)
        out[n++] =
            isalnum((unsigned char)name.at[i]) || (name.at[i] && strchr("_+=,.@-", name.at[i])) ? name.at[i] : '-';
    return n < 2 ? SV("trefoil") : sv_make(out, n);
}
