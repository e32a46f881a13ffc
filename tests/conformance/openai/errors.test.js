// Refusals as the library understands them: what it throws, what it waits for and repeats.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { account, client, clientWith, control, history, key, organization } from "./cloud.js";

const faults = (method, body) => fetch(`${control}/faults`, { method, body: body && JSON.stringify(body) });
async function fault(body) {
  assert.ok((await faults("POST", { cloud: "openai", ...body })).ok);
}
afterEach(async () => assert.ok((await faults("DELETE")).ok));

const once = clientWith(key("openai-admin-key"), { maxRetries: 0 }).admin.organization;
const pause = () => new Promise((r) => setTimeout(r, 1100));
const costs = (of = organization, query) => of.usage.costs({ start_time: history.from, ...query });

test("each wrong key is told apart", async () => {
  const with_ = (name) => clientWith(key(name), { maxRetries: 0 }).admin.organization;
  await assert.rejects(costs(with_("openai-key-expired")), { name: "Error", status: 401, code: "invalid_api_key" });
  await assert.rejects(costs(with_("openai-key-eu")), { status: 401, code: "incorrect_hostname", message: /eu\.api\.openai\.com/ });
  await assert.rejects(costs(with_("openai-key-inference")), { status: 403, message: /Missing scopes: api\.usage\.read/ });
});

test("a limit that is too large is a bad request that names it", async () => {
  await assert.rejects(costs(organization, { limit: 366 }), {
    status: 400,
    type: "invalid_request_error",
    param: "limit",
    message: /Limit must be less than or equal to 180/,
  });
});

test("what is not there is not found", async () => {
  await assert.rejects(organization.projects.retrieve("proj_none"), { status: 404 });
  await fault({ api: "usage.images", kind: "status", status: 404 });
  await assert.rejects(organization.usage.images({ start_time: history.from }), { status: 404 });
});

test("a refusal carries the request's id, an answer the organization's", async () => {
  const { response } = await organization.projects.list().withResponse();
  assert.equal(response.headers.get("openai-organization"), account);
  await fault({ api: "costs", kind: "deny" });
  const e = await costs(once).catch((error) => error);
  assert.match(e.requestID, /^req_[0-9a-f]{32}$/);
});

test("a throttled call is repeated after retry-after-ms", async () => {
  await pause();
  await fault({ api: "costs", kind: "throttle", seconds: 2, for_s: 1 });
  const start = performance.now();
  assert.equal((await costs()).object, "page");
  assert.ok(performance.now() - start > 1900);
});

test("six calls in one moment: the library waits for its turn", async () => {
  await pause();
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => costs(once)));
  const refused = results.filter((r) => r.status === "rejected").map((r) => r.reason);
  assert.ok(refused.length > 0 && refused.every((e) => e.status === 429 && e.code === "rate_limit_exceeded"));
  await pause();
  assert.equal((await Promise.all(Array.from({ length: 6 }, () => costs()))).length, 6);
});

test("a spent quota and a broken server are what they are", async () => {
  await pause();
  await fault({ api: "costs", kind: "status", status: 429 });
  await assert.rejects(costs(once), { status: 429, code: "insufficient_quota", type: "insufficient_quota" });
  assert.ok((await faults("DELETE")).ok);
  await fault({ api: "costs", kind: "status", status: 503, for_s: 1 });
  await assert.rejects(costs(once), { status: 503, type: "server_error" });
  assert.equal((await costs()).object, "page");
  assert.ok(client);
});
