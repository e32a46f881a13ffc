/*
 * What a fault in force does to a call. What is refused is refused in the words of whom one called (struct dialect): a
 * client that reads one form must not be spared the other.
 */
#include <stdio.h>

#include "tests/cloudsim/cloud.h"

void reply_throttled(struct exchange *x, unsigned seconds)
{
    x->cloud->dialect(x)->throttled(x, seconds);
}

static void put_html(struct exchange *x, int status)
{
    x->r->status = status;
    x->r->content_type = "text/html";
    buf_put(&x->r->body, SV("<html><head><title>Gateway</title></head><body>Our services aren't available right now."
                            "</body></html>\r\n"));
}

/* A hundred megabytes, and no proxy may shrink them. */
static void put_huge(struct exchange *x)
{
    reply_json(x, 200);
    x->r->body.limit_bytes = 128 << 20;
    buf_put(&x->r->body, SV("{\"value\":\""));
    while (x->r->body.len < 100 << 20 && !x->r->body.failed)
        buf_put(&x->r->body, SV("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
    buf_put(&x->r->body, SV("\"}"));
    reply_header(x, "Content-Encoding", "identity");
}

static bool play(struct exchange *x, const struct fault *f)
{
    const struct dialect *d = x->cloud->dialect(x);

    switch (f->kind) {
    case FAULT_THROTTLE:
        d->throttled(x, (unsigned)f->seconds);
        return true;
    case FAULT_STATUS:
        d->failed(x, f->status);
        return true;
    case FAULT_DENY:
        d->denied(x);
        return true;
    case FAULT_EXPIRE:
        d->expired(x);
        return true;
    case FAULT_HTML:
        put_html(x, f->status);
        return true;
    case FAULT_HUGE:
        put_huge(x);
        return true;
    case FAULT_EMPTY:
        reply_json(x, f->status);
        return true;
    case FAULT_HANG:
    case FAULT_SLOW:
        /* One thread per connection: only this client waits. */
        clock_sleep_ms(f->seconds * 1000);
        x->r->drop = f->kind == FAULT_HANG;
        return x->r->drop;
    case FAULT_DROP:
        x->r->drop = true;
        return true;
    case FAULT_PARTIAL:
        x->fault = "partial";
        return false;
    case FAULT_WRONG:
        x->fault = "wrong_metric";
        return false;
    case FAULT_CUT:
        x->fault = "cut";
        return false;
    case FAULT_SKEW:
        x->skew_ns = x->cloud->checks_time ? f->seconds * NANO_PER_S : 0;
        return false;
    case FAULT_UNKNOWN_KEY:
        if (d->unknown_key)
            d->unknown_key(x);
        return d->unknown_key != NULL;
    case FAULTS:
        break;
    }
    return false;
}

bool fault_play(struct exchange *x)
{
    struct fault f;

    x->place.cloud = x->cloud->name;
    x->place.api = x->row->name;
    return faults_find(x->sim->faults, &x->place, x->now, &f) && play(x, &f);
}
