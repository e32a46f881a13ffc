import assert from "node:assert/strict";
import { test } from "node:test";
import { MonitorClient } from "@azure/arm-monitor";
import { add, armOptions, assertSame, credential, inner, subscriptions, truth } from "./cloud.js";

const providers = ["Microsoft.CognitiveServices", "Microsoft.Insights", "Microsoft.Authorization"];
const outcomes = {
  Started: "started",
  Accepted: "started",
  "In Progress": "started",
  Succeeded: "success",
  Success: "success",
  Failed: "failure",
  Failure: "failure",
};
const filterOf = (provider) =>
  `eventTimestamp ge '${inner.from.toISOString()}' and eventTimestamp le '${inner.until.toISOString()}'` +
  ` and resourceProvider eq '${provider}'`;

test("activity log: events by action and outcome are the truth, over several pages", async () => {
  const sums = new Map();
  const seen = new Set();
  let most = 0;
  for (const subscription of subscriptions) {
    const monitor = new MonitorClient(credential, subscription, armOptions);
    for (const provider of providers) {
      let pages = 0;
      for await (const page of monitor.activityLogs.list(filterOf(provider)).byPage()) {
        pages++;
        for (const e of page) {
          assert.equal(e.resourceProviderName.value.toLowerCase(), provider.toLowerCase());
          assert.ok(e.eventTimestamp >= inner.from && e.eventTimestamp <= inner.until);
          assert.ok(e.caller && e.correlationId && e.resourceId && e.submissionTimestamp instanceof Date);
          if (seen.has(e.eventDataId) || e.eventTimestamp >= inner.until) continue;
          seen.add(e.eventDataId);
          const outcome = outcomes[e.status?.value] ?? "unknown";
          add(sums, { cloud: "azure", account: subscription, action: e.operationName.value.toLowerCase(), outcome }, 1);
        }
      }
      most = Math.max(most, pages);
    }
  }
  // Key listings in the Audit log are events of the workspace (logs.test.js).
  const want = (await truth(inner)).genai_audit_events_total;
  for (const k of want.keys()) if (k.includes("action=listkey,")) want.delete(k);
  assertSame(sums, want, "genai_audit_events_total");
  assert.ok(most > 1, "no answer had a second page");
});

test("activity log: another filter than the documented ones is refused", async () => {
  const monitor = new MonitorClient(credential, subscriptions[0], armOptions);
  await assert.rejects(monitor.activityLogs.list("caller eq 'x'").next(), { statusCode: 400, code: "BadRequest" });
});
