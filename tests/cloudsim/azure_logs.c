/* The Log Analytics query API (azure.md 2.3): not served yet. */
#include "tests/cloudsim/api.h"

void azure_logs(struct exchange *x)
{
    reply_error(x, 501, "NotImplemented", "cloudsim does not serve this yet");
}
