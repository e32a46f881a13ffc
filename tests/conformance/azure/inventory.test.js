import assert from "node:assert/strict";
import { test } from "node:test";
import { MonitorClient } from "@azure/arm-monitor";
import { armOptions, collect, credential, subscriptions } from "./cloud.js";
import { accounts, clientFor, genai, uri } from "./inventory.js";

test("the first page of accounts is empty and the client goes on", async () => {
  const sizes = [];
  for await (const page of clientFor(subscriptions[0]).accounts.list().byPage()) sizes.push(page.length);
  assert.equal(sizes[0], 0);
  assert.ok(sizes.length > 2, "more pages than one follow");
  assert.equal(sizes.reduce((a, b) => a + b), accounts.filter((a) => a.subscription === subscriptions[0]).length);
});

test("accounts are parsed whole", () => {
  assert.ok(genai.length >= 6);
  assert.equal(new Set(accounts.map((a) => a.id.toLowerCase())).size, accounts.length);
  for (const a of accounts) {
    assert.equal(a.type, "Microsoft.CognitiveServices/accounts");
    assert.ok(a.id.startsWith(`/subscriptions/${a.subscription}/resourceGroups/${a.group}/`));
    assert.ok(a.location && a.kind && a.sku.name && a.properties.provisioningState === "Succeeded");
  }
});

test("one account is found by its name, an unknown one is ResourceNotFound", async () => {
  const a = genai[0];
  const client = clientFor(a.subscription);
  assert.equal((await client.accounts.get(a.group, a.name)).id, a.id);
  await assert.rejects(client.accounts.get(a.group, "nothing-here"), { statusCode: 404, code: "ResourceNotFound" });
});

test("deployments are paged, with model, version and capacity", async () => {
  let most = 0;
  for (const a of genai) {
    let pages = 0;
    for await (const _ of clientFor(a.subscription).deployments.list(a.group, a.name).byPage()) pages++;
    most = Math.max(most, pages);
    assert.ok(a.deployments.length > 0);
    for (const d of a.deployments) {
      assert.ok(d.properties.model.name && d.properties.model.version && d.properties.model.format);
      assert.ok(d.sku.capacity > 0);
    }
  }
  assert.ok(most > 1);
});

test("usages of an account and of a location add up to the deployed capacity", async () => {
  for (const a of genai) {
    const client = clientFor(a.subscription);
    const of = (await client.accounts.listUsages(a.group, a.name)).value;
    const near = genai.filter((o) => o.subscription === a.subscription && o.location === a.location);
    const all = await collect(client.usages.list(a.location));
    const capacity = (of) => of.flatMap((o) => o.deployments).reduce((n, d) => n + d.sku.capacity, 0);
    const used = (list) => list.reduce((n, u) => n + u.currentValue, 0);
    assert.equal(used(of), capacity([a]));
    assert.equal(used(all), capacity(near));
    assert.ok(all.every((u) => u.name.value.startsWith("OpenAI.") && u.limit >= u.currentValue));
  }
});

test("diagnostic settings name categories or groups and a destination", async () => {
  const seen = new Set();
  for (const a of genai) {
    const monitor = new MonitorClient(credential, a.subscription, armOptions);
    for (const s of (await monitor.diagnosticSettings.list(uri(a))).value) {
      assert.ok(s.name && (s.workspaceId || s.storageAccountId));
      for (const l of s.logs) if (l.enabled) seen.add(l.category ?? l.categoryGroup);
      seen.add(s.workspaceId ? "workspace" : "storage");
    }
  }
  const want = ["Audit", "AzureOpenAIRequestUsage", "RequestResponse", "allLogs", "storage", "workspace"];
  assert.deepEqual([...seen].sort(), want.sort());
});
