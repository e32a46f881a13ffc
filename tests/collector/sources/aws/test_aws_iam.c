/*
 * The policies of deploy/iam name what the source calls, all of it and nothing else, and the template says the same.
 */
#include "collector/sources/aws/aws.h"

#include "tests/tap.h"

static struct arena memory;

static sv file(const char *name)
{
    char path[128];
    struct buf b;
    sv text;

    snprintf(path, sizeof path, "deploy/iam/%s", name);
    buf_init(&b, 1 << 20);
    OK(buf_read_file(&b, path, 1 << 20, NULL) == ERR_OK);
    text = arena_copy(&memory, buf_sv(&b));
    buf_done(&b);
    return text;
}

/* Not called by any job, and GetCallerIdentity needs no permission. */
static bool is_asked(const char *permission)
{
    return strcmp(permission, "sts:GetCallerIdentity") != 0 && strcmp(permission, "bedrock:ListFoundationModels") != 0;
}

static bool names(sv text, sv action, char quote)
{
    return sv_has(text, quote ? arena_printf(&memory, "%c%.*s%c", quote, SV_ARG(action), quote) : action);
}

static void every_call_is_allowed(void)
{
    sv member = file("aws-member-role.json"), own = file("aws-collector.json"), template = file("aws-member-role.yaml");

    for (int api = 0; api < AWS_APIS; api++) {
        sv action = sv_of(aws_permission((enum aws_api)api));

        if (!is_asked(action.at))
            continue;
        if (sv_starts(action, SV("sts:")) || sv_starts(action, SV("organizations:")))
            OK(names(own, action, '"'));
        else
            OK(names(member, action, '"') && names(template, action, 0));
    }
}

static bool is_called(sv action)
{
    for (int api = 0; api < AWS_APIS; api++)
        if (sv_eq(sv_of(aws_permission((enum aws_api)api)), action))
            return is_asked(aws_permission((enum aws_api)api));
    return false;
}

/* Actions of a statement: a string, or an array of them. */
static int foreign(json statement)
{
    json action = json_get(statement, SV("Action")), one;
    struct json_iter it = json_items(action);
    int n = json_sv(action).len && !is_called(json_sv(action));

    while (json_item(&it, &one))
        n += !is_called(json_sv(one));
    return n;
}

static void nothing_else_is(void)
{
    static const char *const files[] = { "aws-member-role.json", "aws-collector.json" };

    for (size_t i = 0; i < 2; i++) {
        struct json_parser *p = json_parser_new(0);
        json root = { 0 }, statement;
        struct json_iter it;
        int n = 0, bad = 0;

        OK(p && json_parse(p, file(files[i]), &root, NULL) == ERR_OK);
        it = json_items(json_get(root, SV("Statement")));
        for (; json_item(&it, &statement); n++)
            bad += foreign(statement);
        OK(n >= 2 && bad == 0);
        json_parser_free(p);
    }
}

int main(void)
{
    arena_init(&memory, 0);
    RUN(every_call_is_allowed);
    RUN(nothing_else_is);
    arena_done(&memory);
    return tap_done();
}
