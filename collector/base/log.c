/*
 * A ring of recent line hashes tells repetitions apart; a token bucket bounds the rate. Both are guarded by one lock,
 * held while a line is formatted, not while it is written, so a full pipe on stderr cannot hold up a second thread
 * longer than its own write.
 */
#include "collector/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "collector/base/buf.h"
#include "collector/base/clock.h"
#include "collector/base/hash.h"

enum { RECENT = 64, REPEAT_S = 60, LINE_MAX_BYTES = 2048 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t hash;
    int64_t since_s;
    unsigned repeats;
} recent[RECENT]; /* guarded by lock, as are the next three */
static int64_t second;
static unsigned lines_this_second;
static uint64_t dropped;

static enum log_level least_level = LOG_LEVEL_INFO;
static bool as_json;
static const char *const names[] = { "debug", "info", "warn", "error" };

void log_set(enum log_level least, bool json)
{
    least_level = least;
    as_json = json;
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (unsigned i = 0; i < 4; i++)
        if (sv_eq(sv_of(name), sv_of(names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

/* True when the line may be written; *repeats is how often it was held back before. */
static bool admit(sv line, unsigned *repeats)
{
    struct timespec t;
    uint64_t h = hash64(line);
    unsigned at = (unsigned)(h % RECENT);
    bool write_it = true;

    clock_gettime(CLOCK_MONOTONIC, &t);
    pthread_mutex_lock(&lock);
    *repeats = 0;
    if (recent[at].hash == h && t.tv_sec - recent[at].since_s < REPEAT_S) {
        recent[at].repeats++;
        write_it = false;
    } else {
        if (t.tv_sec != second) {
            second = t.tv_sec;
            lines_this_second = 0;
        }
        write_it = ++lines_this_second <= LOG_LINES_PER_S;
        dropped += !write_it;
        if (write_it) {
            *repeats = recent[at].hash == h ? recent[at].repeats : 0;
            recent[at].hash = h;
            recent[at].since_s = t.tv_sec;
            recent[at].repeats = 0;
        }
    }
    pthread_mutex_unlock(&lock);
    return write_it;
}

static void put_line(struct buf *b, enum log_level level, const char *component, sv text, unsigned repeats)
{
    if (as_json)
        buf_put(b, SV("{\"ts\":\""));
    else
        buf_put(b, SV("ts="));
    buf_time(b, clock_now(), 3);
    buf_printf(b, as_json ? "\",\"level\":\"%s\",\"component\":\"%s\",\"msg\":" : " level=%s component=%s msg=",
               names[level], component);
    buf_json(b, text);
    if (repeats)
        buf_printf(b, as_json ? ",\"repeated\":%u" : " repeated=%u", repeats);
    buf_put(b, as_json ? SV("}\n") : SV("\n"));
}

void log_at(enum log_level level, const char *component, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    struct buf line;
    unsigned repeats;
    va_list ap;

    if (level < least_level)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (!admit(sv_of(text), &repeats))
        return;
    buf_init(&line, 8 * LINE_MAX_BYTES);
    put_line(&line, level, component, sv_of(text), repeats);
    for (size_t done = 0; done < line.len;) {
        ssize_t n = write(STDERR_FILENO, line.at + done, line.len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    buf_done(&line);
}

uint64_t log_dropped(void)
{
    uint64_t n;

    pthread_mutex_lock(&lock);
    n = dropped;
    pthread_mutex_unlock(&lock);
    return n;
}
