// Resource Manager as its own library reads it: projects, folders, whether Data Access logging is on, quotas.
import assert from "node:assert/strict";
import { test } from "node:test";
import { auth, collect, endpoint, folder, foldersClient, organizationsClient, projectsClient } from "./cloud.js";
import { all, projects } from "./inventory.js";

const search = (query) => collect(projectsClient.searchProjectsAsync({ query }, { autoPaginate: false }));
const ids = (list) => list.map((p) => p.projectId).sort();

test("projects below the folder, at any depth; a deleted one is listed only when asked for", async () => {
  assert.ok(projects.length >= 4);
  assert.ok(new Set(projects.map((p) => p.parent)).size >= 2, "a nested folder");
  assert.deepEqual(ids(all), ids(projects));
  const every = await collect(projectsClient.listProjectsAsync({ parent: folder, showDeleted: true }, { autoPaginate: false }));
  assert.deepEqual([...new Set(every.map((p) => p.state))].sort(), ["ACTIVE", "DELETE_REQUESTED"]);
});

test("search finds them all and more; several fields of a query are ORed", async () => {
  const found = await search("");
  for (const id of ids(projects)) assert.ok(ids(found).includes(id));
  assert.ok(found.length > projects.length);
  const ored = await search(`parent:${folder} state:ACTIVE`);
  assert.ok(ored.length > (await search(`parent:${folder}`)).length);
  assert.deepEqual(ids(await search(`id:${projects[0].projectId}`)), [projects[0].projectId]);
});

test("a project is known by number and id, with or without labels", async () => {
  const [one] = await projectsClient.getProject({ name: projects[0].name });
  assert.match(one.name, /^projects\/\d+$/);
  assert.equal(one.projectId, projects[0].projectId);
  assert.ok(projects.some((p) => p.labels.team) && projects.some((p) => !p.labels.team));
});

// ---- audit settings ----

const clients = { projects: projectsClient, folders: foldersClient, organizations: organizationsClient };

async function policyOf(resource) {
  const [policy] = await clients[resource.split("/")[0]].getIamPolicy({ resource, options: { requestedPolicyVersion: 3 } });
  return policy;
}

// Exempted members of DATA_READ, or null when this level does not switch it on.
function readsLogged(policy) {
  const configs = (policy.auditConfigs ?? []).filter((c) => ["allServices", "aiplatform.googleapis.com"].includes(c.service));
  const reads = configs.flatMap((c) => c.auditLogConfigs).filter((l) => l.logType === "DATA_READ" || l.logType === 3);
  return reads.length ? reads.flatMap((l) => l.exemptedMembers) : null;
}

async function ancestors(name) {
  const above = [];
  while (name.startsWith("folders/")) {
    above.push(name);
    name = (await foldersClient.getFolder({ name }))[0].parent;
  }
  return [...above, name];
}

test("the effective setting is the union over project, folders and organization", async () => {
  const seen = [];
  for (const p of projects) {
    const own = readsLogged(await policyOf(p.name));
    const above = [];
    for (const level of await ancestors(p.parent)) above.push(readsLogged(await policyOf(level)));
    seen.push({ own: own !== null, above: above.some((l) => l !== null), exempted: own?.length ?? 0 });
  }
  assert.ok(seen.some((s) => s.own), "one's own");
  assert.ok(seen.some((s) => !s.own && s.above), "by a folder");
  assert.ok(seen.some((s) => !s.own && !s.above), "off");
  assert.ok(seen.some((s) => s.exempted === 1), "with an exempted member");
});

test("what is closed is PERMISSION_DENIED, and so is what is not there", async () => {
  const outside = (await search("")).find((p) => p.state === "ACTIVE" && !ids(projects).includes(p.projectId));
  for (const resource of [outside.name, outside.parent, "projects/nobodys-project", "organizations/1"])
    await assert.rejects(policyOf(resource), (e) => {
      assert.equal(e.code, 7, resource);
      assert.equal(e.reason, "IAM_PERMISSION_DENIED");
      assert.match(e.errorInfoMetadata.permission, /getIamPolicy$/);
      return true;
    });
});

// ---- quotas: no library of their own here ----

test("quotas run from specific to general, over pages", async () => {
  const found = [];
  for (let token = ""; token !== undefined; ) {
    const path = `/v1/projects/${projects[0].projectId}/locations/global/services/aiplatform.googleapis.com/quotaInfos`;
    const answer = await auth.fetch(`${endpoint}${path}?pageToken=${token}`);
    assert.equal(answer.status, 200);
    const page = answer.data;
    found.push(...page.quotaInfos);
    token = page.nextPageToken;
  }
  assert.equal(new Set(found.map((q) => q.quotaId)).size, found.length);
  for (const q of found) {
    const general = q.dimensionsInfos.map((d) => !d.dimensions);
    assert.deepEqual(general.slice(0, -1).filter(Boolean), []);
    assert.equal(general.at(-1), true);
    assert.match(q.dimensionsInfos[0].details.value, /^\d+$/);
  }
});
