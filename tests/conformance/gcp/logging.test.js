// Cloud Logging: calls by Data Access entries, what administrators did, pages, quota, and who may see what.
import assert from "node:assert/strict";
import { test } from "node:test";
import { entries, library, reader } from "./audit.js";
import { add, assertSame, control, history, truth } from "./cloud.js";
import { canonical, operationOf, projects } from "./inventory.js";

const expected = await truth(history);
const since = `timestamp >= "${history.from.toISOString()}" AND receiveTimestamp >= "${history.from.toISOString()}"`;
const dataAccess = `log_id("cloudaudit.googleapis.com/data_access") AND ${since}`;
const calls = `${dataAccess} AND protoPayload.serviceName = "aiplatform.googleapis.com" AND protoPayload.methodName : "PredictionService"`;
const activity = `log_id("cloudaudit.googleapis.com/activity") AND ${since}`;

const last = (name) => name.slice(name.lastIndexOf(".") + 1);
const segment = (path, name) => path.match(new RegExp(`(?:^|/)${name}/([^/]+)`))?.[1] ?? "";

function outcomeOf(code) {
  if (!code) return "success";
  if (code === 8) return "throttled";
  if ([1, 3, 5, 6, 7, 9, 10, 11, 16].includes(code)) return "client_error";
  return [2, 4, 12, 13, 14, 15].includes(code) ? "server_error" : "unknown";
}

// One entry of a call counts: the one that has the status.
const counts = (e) => !e.audit.methodName.includes(".internal.") && !(e.operation?.first && !e.operation.last);

function addCall(sums, project, e) {
  const { methodName, resourceName: path, status, authenticationInfo: who, requestMetadata } = e.audit;
  const publisher = segment(path, "publishers");
  const endpoint = segment(path, "endpoints");
  if (publisher && publisher !== "openai") return;
  const model = canonical(segment(path, "models"));
  const account = { cloud: "gcp", account: project.projectId };
  const labels = { cloud_region: segment(path, "locations"), platform: "vertex_ai", deployment: "", model };
  const resource = publisher || endpoint === "openapi" ? "" : endpoint;
  const caller = who?.principalEmail || who?.principalSubject || requestMetadata?.callerIp;
  const what = { resource, operation: operationOf(last(methodName)), outcome: outcomeOf(status?.code) };
  add(sums.calls, { ...account, ...labels, ...what }, 1);
  add(sums.callers, { ...account, model, caller }, 1);
}

const audited = {
  "cloudresourcemanager.googleapis.com": ["SetIamPolicy"],
  "iam.googleapis.com": ["google.iam.admin.v1.CreateServiceAccountKey"],
  "logging.googleapis.com": ["UpdateSink", "DeleteSink", "UpdateBucket", "CreateExclusion"].map((m) => `google.logging.v2.ConfigServiceV2.${m}`),
  "serviceusage.googleapis.com": ["EnableService", "DisableService"].map((m) => `google.api.serviceusage.v1.ServiceUsage.${m}`),
  "apikeys.googleapis.com": ["google.api.apikeys.v2.ApiKeys.CreateKey"],
};

function addEvent(sums, project, e) {
  const { serviceName, methodName, status } = e.audit;
  if (serviceName !== "aiplatform.googleapis.com" && !audited[serviceName]?.includes(methodName)) return;
  const action = `${serviceName.replace(".googleapis.com", "")}:${last(methodName)}`.toLowerCase();
  const started = e.operation?.first && !e.operation.last;
  const outcome = started ? "started" : status?.code ? "failure" : "success";
  add(sums.events, { cloud: "gcp", account: project.projectId, action, outcome }, 1);
}

const sums = { calls: new Map(), callers: new Map(), events: new Map() };
const read = new Map();
for (const project of projects) {
  read.set(project.projectId, await entries(project.projectId, calls));
  for (const e of read.get(project.projectId)) if (counts(e)) addCall(sums, project, e);
  for (const e of await entries(project.projectId, activity)) addEvent(sums, project, e);
}

test("Data Access entries give genai_logged_calls_total as it is", () =>
  assertSame(sums.calls, expected.genai_logged_calls_total, "logged calls"));
test("and genai_caller_calls_total", () => assertSame(sums.callers, expected.genai_caller_calls_total, "callers"));
test("admin activity gives genai_audit_events_total as it is", () =>
  assertSame(sums.events, expected.genai_audit_events_total, "audit events"));

test("without privateLogViewer the list is silently empty, and where logging is off as well", () => {
  const empty = [...read].filter(([, list]) => list.length === 0);
  assert.ok(empty.length >= 1 && empty.length < projects.length, `${empty.length} of ${projects.length}`);
});

test("entries come late, and some calls are two entries of one operation", () => {
  const all = [...read.values()].flat();
  const late = all.map((e) => Number(e.receiveTimestamp.seconds) - Number(e.timestamp.seconds));
  assert.ok(Math.max(...late) > 60 && Math.max(...late) <= 300, `up to ${Math.max(...late)} s`);
  const ids = new Map();
  for (const e of all) if (e.operation?.id) ids.set(e.operation.id, (ids.get(e.operation.id) ?? 0) + 1);
  assert.ok([...ids.values()].includes(2));
});

// ---- pages ----

const busy = [...read].sort((a, b) => b[1].length - a[1].length)[0][0];

async function pages(ask, most) {
  const service = reader(busy);
  const found = [];
  for (let pageToken = ""; found.length < most; ) {
    const [list, , answer] = await service.listLogEntries({ resourceNames: [`projects/${busy}`], ...ask, pageToken }, { autoPaginate: false });
    found.push(list);
    pageToken = answer.nextPageToken;
    if (!pageToken) break;
  }
  return found;
}

test("pages are small or empty and go on; the order is the one that is asked for", async () => {
  for (const [orderBy, sign] of [["timestamp asc", 1], ["timestamp desc", -1]]) {
    const found = await pages({ filter: calls, pageSize: 200, orderBy }, 8);
    assert.ok(found.every((list) => list.length <= 200));
    const times = found.flat().map((e) => Number(e.timestamp.seconds) + e.timestamp.nanos / 1e9);
    assert.ok(times.length > 200);
    assert.ok(times.every((t, i) => i === 0 || (t - times[i - 1]) * sign >= 0));
  }
});

test("a page of more than 1000 is refused in the library's own words", async () => {
  await assert.rejects(reader(busy).listLogEntries({ resourceNames: [`projects/${busy}`], filter: calls, pageSize: 1001 }, { autoPaginate: false }), (e) => {
    assert.equal(e.code, 3, "INVALID_ARGUMENT");
    return true;
  });
});

test("a page token belongs to its request", async () => {
  const service = reader(busy);
  const ask = { resourceNames: [`projects/${busy}`], filter: calls, pageSize: 10 };
  const [, , answer] = await service.listLogEntries(ask, { autoPaginate: false });
  const other = { ...ask, filter: activity, pageToken: answer.nextPageToken };
  await assert.rejects(service.listLogEntries(other, { autoPaginate: false }), { code: 3 });
});

test("a filter that is none is refused", async () => {
  const ask = { resourceNames: [`projects/${busy}`], filter: 'protoPayload.methodName = "x" AND (', pageSize: 10 };
  await assert.rejects(reader(busy).listLogEntries(ask, { autoPaginate: false }), { code: 3 });
});

// ---- the library's usual door, sinks ----

test("Logging.getEntries reads what was read above", async () => {
  const [found] = await library(busy).getEntries({ filter: calls, pageSize: 5, orderBy: "timestamp asc", autoPaginate: false });
  const ids = new Set(read.get(busy).map((e) => e.insertId));
  for (const e of found) assert.ok(ids.has(e.metadata.insertId));
});

test("sinks tell where entries go", async () => {
  const [sinks] = await library(busy).getSinks({ autoPaginate: false });
  assert.deepEqual(sinks.map((s) => s.metadata?.name ?? s.name).sort(), ["_Default", "_Required"]);
});

// ---- the quota: last, since it is used up ----

test("sixty reads a minute and project, then RESOURCE_EXHAUSTED with a time to wait", async () => {
  const service = reader(busy);
  const ask = { resourceNames: [`projects/${busy}`], filter: `${activity} AND insertId = "none"`, pageSize: 1 };
  const once = { autoPaginate: false, retry: { retryCodes: [] } };
  const refused = await (async () => {
    for (let i = 0; i < 100; i++) {
      try {
        await service.listLogEntries(ask, once);
      } catch (e) {
        return e;
      }
    }
  })();
  assert.equal(refused?.code, 8, "RESOURCE_EXHAUSTED");
  assert.equal(refused.reason, "RATE_LIMIT_EXCEEDED");
  assert.equal(refused.domain, "googleapis.com");
  assert.match(refused.errorInfoMetadata.quota_limit, /ReadRequestsPerMinutePerProject/);
  const delay = refused.statusDetails.find((d) => d.retryDelay)?.retryDelay;
  assert.ok(Number(delay?.seconds ?? 0) >= 1);
  const stats = (await (await fetch(`${control}/requests`)).json()).apis.find((a) => a.api === "logging:entries.list");
  assert.ok(stats.throttled >= 1);
});
