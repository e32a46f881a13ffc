import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { LogsQueryClient, LogsQueryResultStatus } from "@azure/monitor-query-logs";
import { add, assertSame, credential, history, key, logs, operationOf, outcomeOf, truth, workspaces } from "./cloud.js";
import { accountOf, deploymentOf, identity } from "./inventory.js";

const client = new LogsQueryClient(credential, {
  endpoint: `${logs}/v1`,
  credentials: { scopes: ["https://api.loganalytics.io/.default"] },
});
const step = 20 * 60_000;
const lastArrival = 4.5 * 3600_000;
const noCall = /_(List|Get)$|^Files_|^Create_Thread$|^ListKey$/;

const families = [
  "genai_logged_tokens_total",
  "genai_logged_token_parts_total",
  "genai_logged_calls_total",
  "genai_request_duration_seconds_count",
  "genai_time_to_first_token_seconds_count",
  "genai_audit_events_total",
];

// The very text that Trefoil sends.
function bodyOf(from, to) {
  return JSON.parse(execFileSync(process.env.LOG_BODY, [`${from}000000`, `${to}000000`], { encoding: "utf8" }));
}

async function rowsOf(workspace, from, to) {
  const body = bodyOf(from, to);
  const [startTime, endTime] = body.timespan.split("/").map((t) => new Date(t));
  const answer = await client.queryWorkspace(workspace, body.query, { startTime, endTime });
  assert.equal(answer.status, LogsQueryResultStatus.Success);
  assert.equal(answer.tables.length, 1);
  const columns = answer.tables[0].columnDescriptors.map((c) => c.name);
  return answer.tables[0].rows.map((r) => Object.fromEntries(columns.map((c, i) => [c, r[i]])));
}

async function allRows() {
  const all = [];
  for (const w of workspaces)
    for (let at = +history.from; at < +history.until + lastArrival; at += step)
      for (const row of await rowsOf(w, at, at + step)) all.push(row);
  return all;
}

// A number, a digit string, or an array of either.
const tokensOf = (v) => [v ?? []].flat().reduce((n, one) => n + Number(one), 0);
const propertiesOf = ({ properties_s: p }) => (typeof p === "string" ? JSON.parse(p) : p) ?? {};

function usage(sums, row) {
  const account = accountOf(row._ResourceId);
  const p = propertiesOf(row);
  const d = deploymentOf(account, p.modelDeploymentName);
  const id = identity(account, d);
  assert.ok(d, `usage of ${p.modelDeploymentName}`);
  add(sums.genai_logged_tokens_total, { ...id, direction: "input" }, tokensOf(p.promptTokens));
  add(sums.genai_logged_tokens_total, { ...id, direction: "output" }, tokensOf(p.generatedTokens));
  add(sums.genai_logged_token_parts_total, { ...id, part: "cache_read" }, tokensOf(p.cachedTokens));
  if (p.streamType === "Streaming" && p.timeToFirstTokenMs != null)
    add(sums.genai_time_to_first_token_seconds_count, id, 1);
}

function call(sums, row, deployment) {
  const account = accountOf(row._ResourceId);
  const labels = { operation: operationOf(row.OperationName), outcome: outcomeOf(row.ResultSignature) };
  const d = deployment === undefined ? null : deploymentOf(account, deployment);
  if (deployment !== undefined && !d) return;
  add(sums.genai_logged_calls_total, { ...identity(account, d), ...labels }, 1);
  if (d && row.DurationMs != null && Number(row.DurationMs) >= 0)
    add(sums.genai_request_duration_seconds_count, identity(account, d), 1);
}

function keyListed(sums, row) {
  const account = accountOf(row._ResourceId).subscription;
  const of = { action: row.OperationName.toLowerCase(), outcome: "unknown" };
  add(sums.genai_audit_events_total, { cloud: "azure", account, ...of }, 1);
}

// What makes a row one: rows may come twice.
function onceOf(row, kind, id, p) {
  if (kind !== "Audit") return `${kind} ${id}`;
  return `${id} ${row.OperationName} ${p.objectId} ${row.TimeGenerated.toISOString()}`;
}

// Every row once by what makes it one; a call by its model row, else by its envelope.
function fold(rows) {
  const sums = {};
  for (const f of families) sums[f] = new Map();
  const seen = new Set();
  const envelopes = new Map();
  for (const row of rows) {
    const p = propertiesOf(row);
    const id = key({ resource: row._ResourceId.toLowerCase(), call: row.CorrelationId });
    const kind = row.Category === "RequestResponse" ? (p.modelDeploymentName ? "model" : "envelope") : row.Category;
    const once = onceOf(row, kind, id, p);
    if (!accountOf(row._ResourceId) || seen.has(once)) continue;
    seen.add(once);
    if (kind === "AzureOpenAIRequestUsage") usage(sums, row);
    else if (kind === "model") call(sums, row, p.modelDeploymentName);
    else if (kind === "envelope" && !noCall.test(row.OperationName)) envelopes.set(id, row);
    else if (kind === "Audit") keyListed(sums, row);
  }
  for (const [id, row] of envelopes) if (!seen.has(`model ${id}`)) call(sums, row);
  return sums;
}

test("monitor-query-logs: Trefoil's own query gives the truth of the logs", async (t) => {
  const rows = await allRows();
  const sums = fold(rows);
  const want = await truth(history);
  const audit = want.genai_audit_events_total;
  for (const k of audit.keys()) if (!k.includes("action=listkey,")) audit.delete(k);
  assert.ok(rows.length > 10_000 && rows.every((r) => r.ingested instanceof Date));
  for (const f of families) await t.test(f, () => assertSame(sums[f], want[f], f));
});

test("monitor-query-logs: rows come in the order of their arrival", async () => {
  const rows = await rowsOf(workspaces[0], +history.from + 4 * step, +history.from + 5 * step);
  assert.ok(rows.length > 100);
  for (let i = 1; i < rows.length; i++) assert.ok(rows[i - 1].ingested <= rows[i].ingested);
});

test("monitor-query-logs: a query that cannot be understood is a BadArgumentError", async () => {
  await assert.rejects(client.queryWorkspace(workspaces[0], "AzureDiagnostics | wher x", { duration: "PT1H" }), (e) => {
    assert.equal(String(e.statusCode), "400");
    assert.equal(e.code, "BadArgumentError");
    return true;
  });
});

test("monitor-query-logs: an unknown workspace is an error of the client", async () => {
  const unknown = "00000000-0000-4000-8000-000000000001";
  await assert.rejects(client.queryWorkspace(unknown, "AzureDiagnostics | count", { duration: "PT1H" }), (e) => {
    assert.ok(["403", "404"].includes(String(e.statusCode)));
    return true;
  });
});
