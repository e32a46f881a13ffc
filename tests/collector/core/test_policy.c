/* What may not be written is not in the bytes: neither in the records nor in the table of symbols. */
#include <stdlib.h>

#include "collector/core/policy.h"
#include "collector/model/codec.h"

#include "tests/tap.h"

#define WHO    "9f4c1f52-canary-principal"
#define PLACE  "203.0.113.77"
#define PROMPT "canary: what is the meaning of life"

static struct arena arena;

static struct frame *frame_with_canaries(void)
{
    struct frame *f;
    struct batch *b;
    struct call *c;
    struct audit *a;
    struct measure *m;
    struct charge *bill;

    arena_reset(&arena);
    f = frame_new(&arena, SV("s"), SV("x"));
    b = frame_add_batch(f);
    b->origin.resource_id = batch_sym(b, SV("/kept/resource"));
    c = batch_add_call(b);
    c->caller_principal = batch_sym(b, SV(WHO));
    c->caller_ip = batch_sym(b, SV(PLACE));
    c->user_agent = batch_sym(b, SV("canary-agent"));
    c->content_input = SV(PROMPT);
    c->deployment = batch_sym(b, SV("kept-deployment"));
    c->metadata = ARENA_ARRAY(&arena, struct key_value, 1);
    c->metadata[c->n_metadata++] = (struct key_value){ batch_sym(b, SV("kept-name")), SV("canary-" WHO) };
    m = batch_add_measure(b);
    m->name = batch_sym(b, SV("kept-figure"));
    m->caller = batch_sym(b, SV("canary-user"));
    bill = batch_add_charge(b);
    bill->sku = batch_sym(b, SV("kept-item"));
    bill->extra = ARENA_ARRAY(&arena, struct key_value, 2);
    bill->extra[bill->n_extra++] = (struct key_value){ batch_sym(b, SV("api_key_id")), SV("canary-key") };
    bill->extra[bill->n_extra++] = (struct key_value){ batch_sym(b, SV("note")), SV("kept-note") };
    a = batch_add_audit(b);
    a->actor = batch_sym(b, SV(WHO));
    a->actor_ip = batch_sym(b, SV(PLACE));
    a->action = batch_sym(b, SV("kept-action"));
    (void)frame_add_quarantine(f, REASON_MALFORMED, SV("row 1"), SV("{\"prompt\": \"" PROMPT "\"}"));
    return f;
}

static struct buf written(enum policy_identity identity, struct secret key)
{
    struct policy p;
    struct buf out;
    struct frame *f = frame_with_canaries();

    buf_init(&out, 0);
    OK(policy_init(&p, identity, key, NULL) == ERR_OK);
    policy_apply(&p, f);
    OK(frame_compact(f) && frame_encode(f, &out, NULL) == ERR_OK);
    policy_done(&p);
    return out;
}

static void dropped_identity_and_content_leave_no_byte(void)
{
    struct buf b = written(POLICY_DROP, (struct secret){ 0 });

    OK(!sv_has(buf_sv(&b), SV("canary")) && !sv_has(buf_sv(&b), SV(PLACE)));
    OK(!sv_has(buf_sv(&b), SV("kept-name"))); /* a name without its value says nothing */
    OK(sv_has(buf_sv(&b), SV("kept-deployment")) && sv_has(buf_sv(&b), SV("kept-action")) &&
       sv_has(buf_sv(&b), SV("kept-figure")) && sv_has(buf_sv(&b), SV("kept-note")) &&
       sv_has(buf_sv(&b), SV("/kept/resource")));
    buf_done(&b);
}

static void a_pseudonym_is_stable_and_depends_on_the_key(void)
{
    struct buf one, again, other;

    setenv("TREFOIL_TEST_KEY", "0123456789abcdef-obviously-fake", 1);
    one = written(POLICY_PSEUDONYMIZE, (struct secret){ "env:TREFOIL_TEST_KEY" });
    again = written(POLICY_PSEUDONYMIZE, (struct secret){ "env:TREFOIL_TEST_KEY" });
    setenv("TREFOIL_TEST_KEY", "another-obviously-fake-key", 1);
    other = written(POLICY_PSEUDONYMIZE, (struct secret){ "env:TREFOIL_TEST_KEY" });
    OK(!sv_has(buf_sv(&one), SV("canary")) && sv_has(buf_sv(&one), SV("kept-name")));
    OK(sv_eq(buf_sv(&one), buf_sv(&again)) && !sv_eq(buf_sv(&one), buf_sv(&other)));
    buf_done(&one);
    buf_done(&again);
    buf_done(&other);
}

static void kept_identity_is_kept_and_content_is_not(void)
{
    struct buf b = written(POLICY_KEEP, (struct secret){ 0 });

    OK(sv_has(buf_sv(&b), SV(WHO)) && sv_has(buf_sv(&b), SV(PLACE)) && sv_has(buf_sv(&b), SV("canary-" WHO)) &&
       sv_has(buf_sv(&b), SV("canary-user")) && sv_has(buf_sv(&b), SV("canary-key")));
    buf_done(&b);
}

static void a_key_that_cannot_be_read_or_is_too_short_is_refused(void)
{
    struct policy p;
    struct err e = { 0 };

    unsetenv("TREFOIL_TEST_KEY");
    OK(policy_init(&p, POLICY_PSEUDONYMIZE, (struct secret){ "env:TREFOIL_TEST_KEY" }, &e) == ERR_CONFIG);
    setenv("TREFOIL_TEST_KEY", "short", 1);
    OK(policy_init(&p, POLICY_PSEUDONYMIZE, (struct secret){ "env:TREFOIL_TEST_KEY" }, &e) == ERR_CONFIG);
    OK(!sv_has(sv_of(e.text), SV("short")) || sv_has(sv_of(e.text), SV("5 bytes")));
}

int main(void)
{
    arena_init(&arena, 0);
    RUN(dropped_identity_and_content_leave_no_byte);
    RUN(a_pseudonym_is_stable_and_depends_on_the_key);
    RUN(kept_identity_is_kept_and_content_is_not);
    RUN(a_key_that_cannot_be_read_or_is_too_short_is_refused);
    arena_done(&arena);
    return tap_done();
}
