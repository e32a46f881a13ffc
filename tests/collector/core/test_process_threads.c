/*
 * What happens to the process: a daemon in a child with a source of ours, which is ended, stopped, reloaded without pause, starved of
 * descriptors and threads, and left without anybody who reads its log. (R-02, R-03, R-05, R-08, R-10, R-11, E-02)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "collector/base/log.h"
#include "collector/core/daemon.h"
#include "collector/core/process.h"

#include "tests/collector/core/daemon_client.h"
#include "tests/collector/core/fake_source.h"

enum { RELOADS = 2000, ONE_BY_ONE = 25, POLL_MS = 5, SLOW_MS = 700, STANDSTILL_MS = 3000 };

/* A sanitizer keeps for a while what was freed. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer)
enum { GROWTH_KIB = 512 << 10 };
#else
enum { GROWTH_KIB = 2 << 10 };
#endif

static char dir[32], config[64], data[64], slow[64];
static pid_t child;

/* ---- the source: one record a poll; it opens a file, as a call opens a socket, and a poll is slow while there is one ---- */

struct busy_config {
    const char *id;
};

/* clang-format off */
static const struct option busy_options[] = { { .name = "id", .type = OPT_STRING, .offset = 0, .dflt = "busy", .help = "Its name." }, { 0 } };
/* clang-format on */

static enum err_code busy_jobs(struct source *self, struct job_list *out, struct err *e)
{
    struct source_job *j = job_list_add(out);

    (void)self;
    (void)e;
    *j = (struct source_job){
        .kind = JOB_SNAPSHOT, .scope = SV("s"), .group = SV("g"), .signal = SV("metrics"), .interval_ms = POLL_MS
    };
    return ERR_OK;
}

static enum err_code busy_poll(struct source *self, const struct source_job *job, struct window *w, struct frame *out,
                               struct err *e)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct gap *g;

    (void)job;
    if (fd < 0)
        return err_sys(e, "/dev/null");
    close(fd);
    if (access(slow, F_OK) == 0)
        sleep_ms(SLOW_MS);
    log_info("busy", "poll at %lld", (long long)clock_now());
    source_stats_call(self->env->stats, &(struct api_call){ .name = "busy", .units = 1 });
    g = batch_add_gap(frame_add_batch(out));
    *g = (struct gap){ .key = (uint64_t)clock_now(), .detail = SV_NONE };
    out->tally.received = 1;
    w->read_at_unix_nano = clock_now();
    return ERR_OK;
}

static struct source *busy_open(const void *cfg, const struct source_env *env, struct err *e);
static void busy_close(struct source *self)
{
    free(self);
}

static const struct source_ops busy_ops = { .name = "busy",
                                            .options = busy_options,
                                            .config_size = sizeof(struct busy_config),
                                            .rules = fake_rules,
                                            .n_rules = 1,
                                            .open = busy_open,
                                            .jobs = busy_jobs,
                                            .poll = busy_poll,
                                            .close = busy_close };

static struct source *busy_open(const void *cfg, const struct source_env *env, struct err *e)
{
    struct source *s = calloc(1, sizeof *s);

    (void)cfg;
    (void)e;
    *s = (struct source){ &busy_ops, env };
    return s;
}

const struct source_ops *const source_registry[] = { &busy_ops, NULL };

/* ---- the child ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    fputs(text, f);
    fclose(f);
}

static void prepare(void)
{
    strcpy(dir, "/tmp/trefoil-process-XXXXXX");
    OK(mkdtemp(dir) != NULL);
    snprintf(config, sizeof config, "%s/trefoil.yaml", dir);
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(slow, sizeof slow, "%s/slow", dir);
    write_file(config, "busy: {}\nlog: {level: warn}\n");
    free_port();
}

static int run(void)
{
    const struct flags flags = { .config_file = config, .storage_path = data, .listen_address = listen_at };
    struct err e = { 0 };

    if (process_guard_stdio(&e) || daemon_run(&flags, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    return 0;
}

/* `before` is called in the child. */
static void start_with(void (*before)(void))
{
    fflush(stdout);
    child = fork();
    if (child)
        return;
    if (before)
        before();
    _exit(run());
}

static void start(void)
{
    start_with(NULL);
    OK(get("/-/ready", "HTTP/1.1 200"));
}

/* How it ended, in at most that time; -1: it did not. */
static int ended_within(int64_t most_ms)
{
    int64_t until = now_ms() + most_ms;
    int status = -1;

    while (now_ms() < until) {
        if (waitpid(child, &status, WNOHANG) == child)
            return status;
        sleep_ms(5);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

static bool stops(int64_t most_ms)
{
    kill(child, SIGTERM);
    return ended_within(most_ms) == 0;
}

/* The number behind a metric's name; -1: not there. */
static double metric(const char *name)
{
    char line[128];
    const char *found;

    snprintf(line, sizeof line, "\n%s ", name);
    found = strstr(get_once("/metrics"), line);
    return found ? strtod(found + strlen(line), NULL) : -1;
}

static bool stored_reaches(double n)
{
    for (int i = 0; i < 400; i++) {
        if (metric("trefoil_stored_records_total{source=\"busy\"}") >= n)
            return true;
        sleep_ms(25);
    }
    return false;
}

/* ---- signals ---- */

/* what is under way is finished and durable, a snapshot is there, and nothing of it is lost. */
static void sigterm_finishes_what_is_under_way(void)
{
    double before;
    char path[80];

    prepare();
    start();
    OK(stored_reaches(5));
    write_file(slow, "");
    sleep_ms(100); /* a poll is under way */
    before = metric("trefoil_stored_records_total{source=\"busy\"}");
    OK(stops(SLOW_MS + 3000));
    snprintf(path, sizeof path, "%s/ledger.snapshot", data);
    OK(access(path, F_OK) == 0);
    unlink(slow);
    start();
    OK(before >= 5 && metric("trefoil_stored_records_total{source=\"busy\"}") >= before);
    OK(stops(3000));
    fake_remove(dir);
}

static void a_second_sigterm_ends_at_once_and_loses_nothing(void)
{
    double before;
    int64_t began;
    int status;

    prepare();
    start();
    OK(stored_reaches(5));
    write_file(slow, "");
    sleep_ms(100);
    before = metric("trefoil_stored_records_total{source=\"busy\"}");
    began = now_ms();
    kill(child, SIGTERM);
    sleep_ms(50);
    kill(child, SIGTERM);
    status = ended_within(SLOW_MS);
    printf("# ended after %lld ms\n", (long long)(now_ms() - began));
    OK(status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && now_ms() - began < SLOW_MS / 2);
    unlink(slow);
    start();
    OK(before >= 5 && metric("trefoil_stored_records_total{source=\"busy\"}") >= before);
    OK(stops(3000));
    fake_remove(dir);
}

/* */
static void after_a_standstill_it_goes_on_without_a_burst(void)
{
    double before, after;

    prepare();
    start();
    OK(stored_reaches(5));
    kill(child, SIGSTOP);
    sleep_ms(STANDSTILL_MS);
    kill(child, SIGCONT);
    before = metric("trefoil_stored_records_total{source=\"busy\"}");
    sleep_ms(500);
    after = metric("trefoil_stored_records_total{source=\"busy\"}");
    printf("# %.0f polls in the half second after %d ms\n", after - before, STANDSTILL_MS);
    OK(before >= 5 && after > before && after - before <= 500.0 / POLL_MS + 10);
    OK(get("/-/healthy", "HTTP/1.1 200"));
    OK(stops(3000));
    fake_remove(dir);
}

/* ---- reloads ---- */

static unsigned entries(const char *what)
{
    char path[64];
    DIR *d;
    unsigned n = 0;

    snprintf(path, sizeof path, "/proc/%d/%s", child, what);
    d = opendir(path);
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static long resident_kib(void)
{
    char path[64];
    char line[128] = "", *end = line;
    long pages = -1;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/statm", child);
    f = fopen(path, "re");
    if (f && fgets(line, sizeof line, f)) {
        (void)strtol(line, &end, 10); /* all of it */
        pages = strtol(end, NULL, 10);
    }
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Each one is waited for, so that none is merged with the next; no scrape of the last one's page beside it. */
static unsigned reload(unsigned n)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < n; i++) {
        double was = metric("trefoil_config_last_reload_success_timestamp_seconds");
        int64_t until = now_ms() + 2000;

        kill(child, SIGHUP);
        while (metric("trefoil_config_last_reload_success_timestamp_seconds") == was && now_ms() < until)
            ;
        taken += now_ms() < until;
    }
    return taken;
}

/* Most of them as fast as signals go; some one by one, to know that they are taken. */
static void a_storm_of_reloads_leaves_nothing_behind(void)
{
    unsigned fds, threads, taken;
    long kib;
    double stored;

    prepare();
    start();
    OK(stored_reaches(5));
    taken = reload(ONE_BY_ONE);
    fds = entries("fd");
    threads = entries("task");
    kib = resident_kib();
    for (int i = 0; i < RELOADS; i++) {
        kill(child, SIGHUP);
        sleep_ms(2);
    }
    stored = metric("trefoil_stored_records_total{source=\"busy\"}");
    taken += reload(ONE_BY_ONE);
    printf("# %d reloads and %u one by one: descriptors %u to %u, threads %u to %u, %ld to %ld KiB\n", RELOADS, taken,
           fds, entries("fd"), threads, entries("task"), kib, resident_kib());
    OK(taken == 2 * ONE_BY_ONE);
    OK(entries("fd") <= fds + 2 && entries("task") == threads);
    OK(resident_kib() < kib + GROWTH_KIB);
    OK(stored_reaches(stored + 5));
    OK(stops(3000));
    fake_remove(dir);
}

/* ---- without descriptors ---- */

/* Asks on a connection that is there already, until the answer holds `want`. */
static bool get_on(int fd, const char *path, const char *want)
{
    static char answer[1 << 20];

    for (int i = 0; i < 100; i++) {
        size_t len = 0;
        ssize_t n;

        dprintf(fd, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
        while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, len ? 50 : 1000) == 1 &&
               (n = read(fd, answer + len, sizeof answer - 1 - len)) > 0)
            len += (size_t)n;
        answer[len] = '\0';
        if (strstr(answer, want))
            return true;
    }
    return false;
}

/* E-02: polls fail as this machine's own fault, and who is connected is answered. */
static void without_descriptors_polls_fail_and_pages_answer(void)
{
    struct rlimit few, all;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    prepare();
    start();
    OK(stored_reaches(5));
    OK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0 && get_on(fd, "/-/healthy", "is healthy"));
    OK(prlimit(child, RLIMIT_NOFILE, NULL, &all) == 0);
    few = all;
    few.rlim_cur = 3; /* whatever is open stays open, and nothing is added */
    OK(prlimit(child, RLIMIT_NOFILE, &few, NULL) == 0);
    OK(get_on(fd, "/api/v1/sources",
              "\"error\":{\"code\":\"io\",\"text\":\"busy: s: g: /dev/null: Too many open files\"}"));
    OK(get_on(fd, "/metrics", "\ntrefoil_source_up{source=\"busy\",signal=\"metrics\"} 0"));
    OK(get_on(fd, "/-/healthy", "is healthy"));
    OK(prlimit(child, RLIMIT_NOFILE, &all, NULL) == 0);
    OK(get("/metrics", "\ntrefoil_source_up{source=\"busy\",signal=\"metrics\"} 1"));
    close(fd);
    OK(stored_reaches(metric("trefoil_stored_records_total{source=\"busy\"}") + 5));
    OK(stops(3000));
    fake_remove(dir);
}

/* as a user who may have no further thread. */
static void no_threads(void)
{
    const struct rlimit none = { 1, 1 };

    if (setgid(65534) != 0 || setuid(65534) != 0 || setrlimit(RLIMIT_NPROC, &none) != 0)
        _exit(99);
}

static void without_threads_it_says_so_and_does_not_start(void)
{
    int status;

    prepare();
    if (getuid() != 0) {
        printf("# skipped: only root can become a user without threads\n");
    } else {
        OK(chmod(dir, 0777) == 0 && chmod(config, 0644) == 0);
        start_with(no_threads);
        status = ended_within(5000);
        OK(status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 1);
    }
    fake_remove(dir);
}

/* ---- nobody reads ---- */

static int nobody[2];

static void into_a_full_pipe(void)
{
    char bytes[4096] = { 0 };

    fcntl(nobody[1], F_SETPIPE_SZ, 4096);
    fcntl(nobody[1], F_SETFL, O_NONBLOCK);
    while (write(nobody[1], bytes, sizeof bytes) > 0 || write(nobody[1], bytes, 1) > 0)
        ;
    fcntl(nobody[1], F_SETFL, 0);
    dup2(nobody[1], STDERR_FILENO);
    dup2(nobody[1], STDOUT_FILENO);
}

static void with_nothing_open(void)
{
    for (int fd = 0; fd < 3; fd++)
        close(fd);
}

/* */
static void it_works_when_nobody_reads_its_log(void (*before)(void), bool drops)
{
    prepare();
    write_file(config, "busy: {}\nlog: {level: info}\n");
    OK(pipe(nobody) == 0);
    start_with(before);
    OK(get("/-/ready", "HTTP/1.1 200"));
    OK(stored_reaches(40));
    OK(!drops || metric("trefoil_log_lines_dropped_total") > 10);
    OK(stops(3000));
    close(nobody[0]);
    close(nobody[1]);
    fake_remove(dir);
}

static void a_log_pipe_that_is_full_blocks_nothing(void)
{
    it_works_when_nobody_reads_its_log(into_a_full_pipe, true);
}

static void closed_standard_descriptors_harm_nothing(void)
{
    it_works_when_nobody_reads_its_log(with_nothing_open, false);
}

/* ---- a container ---- */

/* Process 1 of a namespace of its own whose root is read-only but for the data, without HOME. The outer process waits. */
static void as_process_1(void)
{
    int status;
    pid_t pid;

    clearenv();
    if (unshare(CLONE_NEWNS | CLONE_NEWPID) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        _exit(77);
    mkdir(data, 0700);
    if (mount(data, data, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
        _exit(77);
    pid = fork();
    if (pid == 0) {
        /* An orphan becomes our child and ends: nobody may be disturbed by it. */
        if (fork() == 0) {
            (void)fork();
            _exit(0);
        }
        _exit(getpid() == 1 && access(config, W_OK) != 0 && errno == EROFS ? run() : 78);
    }
    signal(SIGTERM, SIG_IGN);
    child = pid;
    while (waitpid(pid, &status, 0) != pid)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 79);
}

/* */
static void it_works_as_process_1_with_a_read_only_root(void)
{
    char children[96], line[32] = "";
    int status = 0;
    FILE *f;

    prepare();
    start_with(as_process_1);
    for (int i = 0; i < 100 && !strstr(get_once("/-/ready"), "HTTP/1.1 200"); i++) {
        if (waitpid(child, &status, WNOHANG) == child)
            break;
        sleep_ms(50);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        printf("# skipped: no namespaces here\n");
        fake_remove(dir);
        return;
    }
    OK(stored_reaches(20));
    snprintf(children, sizeof children, "/proc/%d/task/%d/children", child, child);
    f = fopen(children, "re");
    OK(f && fgets(line, sizeof line, f) && strtol(line, NULL, 10) > 1);
    if (f)
        fclose(f);
    kill((pid_t)strtol(line, NULL, 10), SIGTERM);
    OK(ended_within(3000) == 0);
    fake_remove(dir);
}

int main(void)
{
    RUN(sigterm_finishes_what_is_under_way);
    RUN(a_second_sigterm_ends_at_once_and_loses_nothing);
    RUN(after_a_standstill_it_goes_on_without_a_burst);
    RUN(a_storm_of_reloads_leaves_nothing_behind);
    RUN(without_descriptors_polls_fail_and_pages_answer);
    RUN(without_threads_it_says_so_and_does_not_start);
    RUN(a_log_pipe_that_is_full_blocks_nothing);
    RUN(closed_standard_descriptors_harm_nothing);
    RUN(it_works_as_process_1_with_a_read_only_root);
    return tap_done();
}
