/* E-02, E-06: descriptors and ports of this machine run out: that is told as ours, takes nothing from others, and passes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/collector/net/loop.h"
#include "tests/tap.h"

/* libcurl has two of its own in a handle, beside the connection; the other end is in this process too. */
enum { CLIENTS = 200, MANY = 60, HANDLES = 128, OF_HANDLE = 4 };

static struct http_response r;
static struct err e;

static void on_hello(void *ctx, const struct http_server_request *q, struct http_server_response *a)
{
    (void)ctx, (void)q;
    buf_put(&a->body, SV("hello"));
}

static const struct http_route routes[] = { { .method = "GET", .path = "/", .handle = on_hello }, { 0 } };

static unsigned open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n - 3;
}

static void allow_fds(rlim_t n)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = n ? n : limit.rlim_max < 1024 ? limit.rlim_max : 1024;
    OK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* Whether somebody else may still connect to us, ask, and open a file. */
static bool others_are_served(const struct http_server *s)
{
    struct buf answer;
    bool good;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    buf_init(&answer, 4096);
    good = fd >= 0 &&
           sv_ends(loop_raw(http_server_port(s), SV("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), &answer),
                   SV("hello"));
    close(fd);
    buf_done(&answer);
    return good;
}

static void the_last_descriptors_are_not_for_requests(void)
{
    struct http_server *s = loop_server(routes, NULL, false);
    struct http_client *c = loop_client(NULL), *other = loop_client(NULL);
    struct http_request q = { .method = "GET" };
    int files[MANY];
    unsigned used;

    for (int i = 0; i < MANY; i++)
        files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    used = open_fds();
    allow_fds(used + used / 3); /* of which a quarter is kept */
    OK(loop_do(c, s, false, "/", &q, &r, &e) == ERR_IO && e.sys == EMFILE && err_retryable(e.code));
    printf("# %s\n", e.text);
    OK(others_are_served(s));
    for (int i = 0; i < MANY; i++)
        close(files[i]);
    OK(loop_do(c, s, false, "/", &q, &r, &e) == ERR_OK && r.status == 200);
    OK(loop_do(other, s, false, "/", &q, &r, &e) == ERR_OK && r.status == 200);
    allow_fds(0);
    http_client_free(c);
    http_client_free(other);
    http_server_stop(s);
}

/* One for each of many accounts, each asks once. */
static void the_pool_of_all_clients_is_bounded(void)
{
    struct http_server *s = loop_server(routes, NULL, false);
    struct http_client *clients[CLIENTS];
    struct http_request q = { .method = "GET" };
    unsigned before = open_fds(), most = 0;
    bool good = true;

    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = loop_client(NULL);
        good &= loop_do(clients[i], s, false, "/", &q, &r, &e) == ERR_OK;
        most = open_fds() > most ? open_fds() : most;
    }
    printf("# %u descriptors for %d clients and the server's side\n", most - before, CLIENTS);
    OK(good && most - before <= HANDLES * OF_HANDLE + 20);
    for (int i = 0; i < CLIENTS; i++)
        http_client_free(clients[i]);
    http_server_stop(s);
    OK(open_fds() <= before);
}

int main(void)
{
    RUN(the_last_descriptors_are_not_for_requests);
    RUN(the_pool_of_all_clients_is_bounded);
    http_response_done(&r);
    return tap_done();
}
