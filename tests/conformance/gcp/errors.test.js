// Errors of the simulated APIs as Google's libraries understand them: what they wait for, repeat and report. Faults are in
// force for the whole of cloudsim, so `run` runs one file of tests at a time.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { JWT } from "google-auth-library";
import { control, credential, faults, history, monitoring, projectsClient, scopes } from "./cloud.js";
import { projects } from "./inventory.js";

const api = "monitoring:timeSeries.list";
const name = `projects/${projects[0].projectId}`;
const at = (date) => ({ seconds: Math.floor(date.getTime() / 1000) });
const interval = { startTime: at(history.from), endTime: at(history.until) };
const filter = 'metric.type = "aiplatform.googleapis.com/publisher/online_serving/token_count"';
const once = { autoPaginate: false, retry: { retryCodes: [] } };
const series = (more, how = once) => monitoring.listTimeSeries({ name, filter, interval, ...more }, how);

async function fault(body) {
  assert.equal((await faults("POST", body)).status, 200);
}

afterEach(async () => assert.ok((await faults("DELETE")).ok));

const fails = (code, more) => (e) => {
  assert.equal(e.code, code);
  for (const [k, v] of Object.entries(more ?? {})) assert.equal(e[k], v, k);
  return true;
};

test("an exhausted quota is RESOURCE_EXHAUSTED with its reason, limit and a link", async () => {
  await fault({ api, kind: "throttle" });
  await assert.rejects(series(), (e) => {
    fails(8, { reason: "RATE_LIMIT_EXCEEDED", domain: "googleapis.com" })(e);
    assert.equal(e.errorInfoMetadata.quota_limit, "QueryRequestsPerMinutePerProject");
    assert.ok(e.statusDetails.some((d) => d.links?.length));
    return true;
  });
});

test("a missing permission is PERMISSION_DENIED with its reason", async () => {
  await fault({ api, kind: "deny" });
  await assert.rejects(series(), fails(7, { reason: "IAM_PERMISSION_DENIED" }));
});

test("an expired token is UNAUTHENTICATED", async () => {
  await fault({ api, kind: "expired" });
  await assert.rejects(series(), fails(16, { reason: "ACCESS_TOKEN_EXPIRED" }));
});

test("a service that is down is UNAVAILABLE, an inner error INTERNAL", async () => {
  await fault({ api, kind: "status", status: 503 });
  await assert.rejects(series(), fails(14));
  await faults("DELETE");
  await fault({ api, kind: "status", status: 500 });
  await assert.rejects(series(), fails(13));
});

test("what is unavailable for a moment is asked again", async () => {
  const before = await callsOf(api);
  await fault({ api, kind: "status", status: 503, for_s: 1 });
  const [found] = await series({}, { autoPaginate: false });
  assert.ok(found.length > 0);
  assert.ok((await callsOf(api)) >= before + 2);
});

async function callsOf(of) {
  const { apis } = await (await fetch(`${control}/requests`)).json();
  return apis.find((a) => a.api === of).calls;
}

test("an incomplete answer says so in a 200", async () => {
  await fault({ api, kind: "partial" });
  const [, , answer] = await series();
  assert.ok(answer.executionErrors.length > 0);
  assert.ok(answer.executionErrors[0].code > 0);
});

test("two metric types, none, or an unknown one", async () => {
  const type = (t) => `metric.type = "aiplatform.googleapis.com/publisher/online_serving/${t}"`;
  await assert.rejects(series({ filter: `${type("token_count")} OR ${type("tokens")}` }), fails(3));
  await assert.rejects(series({ filter: 'resource.labels.location = "global"' }), fails(3));
  await assert.rejects(series({ filter: type("nothing") }), fails(5));
});

test("a reducer without an aligner, and a period below a minute, are refused", async () => {
  await assert.rejects(series({ aggregation: { crossSeriesReducer: "REDUCE_SUM" } }), fails(3));
  const aggregation = { alignmentPeriod: { seconds: 30 }, perSeriesAligner: "ALIGN_SUM" };
  await assert.rejects(series({ aggregation }), fails(3));
});

test("a project that is not there is PERMISSION_DENIED", async () => {
  await assert.rejects(series({ name: "projects/nobodys-project" }), fails(7));
});

test("a gateway's page and a cut answer are errors, not lists", async () => {
  const projectsOf = () => projectsClient.searchProjects({}, once);
  await fault({ api: "resourcemanager:projects.search", kind: "html" });
  await assert.rejects(projectsOf());
  await faults("DELETE");
  await fault({ api: "resourcemanager:projects.search", kind: "cut" });
  await assert.rejects(projectsOf());
});

test("the token endpoint's errors are OAuth's", async () => {
  const { client_email: email, private_key: key, private_key_id: keyId } = credential("gcp-key.json");
  const authorize = () => new JWT({ email, key, keyId, scopes }).authorize();
  await fault({ api: "oauth2:token", kind: "deny" });
  await assert.rejects(authorize(), /invalid_grant/);
  await faults("DELETE");
  await fault({ api: "oauth2:token", kind: "status", status: 503, for_s: 1 });
  assert.match((await authorize()).access_token, /^ya29/, "asked again");
});
