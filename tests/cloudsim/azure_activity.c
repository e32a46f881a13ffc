/* The Activity Log of a subscription (discovery.md 1.1, 1.2): not served yet. */
#include "tests/cloudsim/api.h"

void azure_activity(struct exchange *x)
{
    reply_bare_error(x, 501, "NotImplemented", "cloudsim does not serve this yet");
}
