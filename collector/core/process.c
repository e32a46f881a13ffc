/* The lowest free descriptor is the one that open gives: so it is asked until it gives one above them. */
#include "collector/core/process.h"

#include <fcntl.h>
#include <unistd.h>

enum err_code process_guard_stdio(struct err *e)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return err_sys(e, "/dev/null");
    close(fd);
    return ERR_OK;
}
