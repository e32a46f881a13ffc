/* One pointer; the system's functions behind it by default. */
#include "collector/net/sockets.h"

#include <sys/socket.h>
#include <unistd.h>

const struct sockets sockets_system = { socket, close };

static const struct sockets *current = &sockets_system;

const struct sockets *sockets(void)
{
    return current;
}

void sockets_set(const struct sockets *s)
{
    current = s ? s : &sockets_system;
}
