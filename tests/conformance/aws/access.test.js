import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AccountClient, paginateListRegions } from "@aws-sdk/client-account";
import { BedrockClient, GetInferenceProfileCommand } from "@aws-sdk/client-bedrock";
import { GetModelInvocationLoggingConfigurationCommand } from "@aws-sdk/client-bedrock";
import { ListFoundationModelsCommand, ListTagsForResourceCommand } from "@aws-sdk/client-bedrock";
import { paginateListInferenceProfiles, paginateListProvisionedModelThroughputs } from "@aws-sdk/client-bedrock";
import { CloudTrailClient, DescribeTrailsCommand, GetTrailStatusCommand } from "@aws-sdk/client-cloudtrail";
import { ListParentsCommand, ListRootsCommand, paginateListAccounts } from "@aws-sdk/client-organizations";
import { paginateListTagsForResource } from "@aws-sdk/client-organizations";
import { ServiceQuotasClient, paginateListServiceQuotas } from "@aws-sdk/client-service-quotas";
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { fromContainerMetadata, fromInstanceMetadata } from "@smithy/credential-provider-imds";
import { fromHttp } from "@aws-sdk/credential-provider-http";
import { fromIni } from "@aws-sdk/credential-provider-ini";
import { fromTokenFile } from "@aws-sdk/credential-provider-web-identity";
import { collect, control, credentialsOf, dir, endpoint, everywhere } from "./cloud.js";
import { options, organizations, self, trailGroup } from "./cloud.js";

const once = (region, credentials) => ({ ...options(region, credentials), maxAttempts: 1 });
const whoIs = (credentials) => new STSClient(options("us-east-1", credentials)).send(new GetCallerIdentityCommand({}));
const faults = (method, body) => fetch(`${control}/faults`, { method, body: body && JSON.stringify(body) });
const parent = { region: "us-east-1", endpoint };
const collector = `arn:aws:iam::${self.Account}:role/trefoil-collector`;
const tokenFile = `${dir}/aws-web-identity-token`;

// The fault is in force while `body` runs.
async function withFault(fault, body) {
  assert.equal((await faults("POST", fault)).status, 200);
  try {
    await body();
  } finally {
    await faults("DELETE");
  }
}

// ---- the libraries' own ways to credentials ----

test("a profile with source_profile and external_id becomes the role", async () => {
  const who = await whoIs(fromIni({ profile: "reader", clientConfig: parent }));
  assert.equal(who.Account, self.Account);
  assert.match(who.Arn, /:assumed-role\/trefoil-read\//);
});

test("a profile with a web identity token becomes the collector's role", async () => {
  process.env.AWS_ENDPOINT_URL_STS = endpoint; // this provider makes its client from the environment alone
  const who = await whoIs(fromIni({ profile: "pod" }));
  delete process.env.AWS_ENDPOINT_URL_STS;
  assert.match(who.Arn, new RegExp(`^arn:aws:sts::${self.Account}:assumed-role/trefoil-collector/`));
});

test("a token file alone does the same", async () => {
  const provider = fromTokenFile({ webIdentityTokenFile: tokenFile, roleArn: collector, clientConfig: parent });
  assert.match((await whoIs(provider)).Arn, /assumed-role\/trefoil-collector\//);
  const { expiration } = await provider();
  assert.ok(expiration > new Date(), "not expired on arrival");
});

test("an instance's metadata service gives the collector's role", async () => {
  process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT = control;
  const credentials = await fromInstanceMetadata({ timeout: 5000, maxRetries: 0 })();
  assert.match(credentials.accessKeyId, /^ASIA/);
  assert.match((await whoIs(credentials)).Arn, /assumed-role\/trefoil-collector\/i-/);
});

test("a container's endpoint gives the collector's role to whom holds its token", async () => {
  const awsContainerCredentialsFullUri = `${control}/v2/credentials/abc`;
  const file = { awsContainerAuthorizationTokenFile: `${dir}/aws-container-token` };
  const credentials = await fromHttp({ awsContainerCredentialsFullUri, ...file })();
  assert.match((await whoIs(credentials)).Arn, /assumed-role\/trefoil-collector\/task$/);
  const wrong = { awsContainerAuthorizationToken: "wrong", maxRetries: 0 };
  await assert.rejects(fromHttp({ awsContainerCredentialsFullUri, ...wrong })());
  process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI = awsContainerCredentialsFullUri;
  process.env.AWS_CONTAINER_AUTHORIZATION_TOKEN = readFileSync(file.awsContainerAuthorizationTokenFile, "utf8");
  assert.match((await fromContainerMetadata({ timeout: 5000, maxRetries: 0 })()).accessKeyId, /^ASIA/);
});

test("web identity errors have their own names", async () => {
  const sts = new STSClient({ ...parent, maxAttempts: 1 });
  const ask = (RoleArn, WebIdentityToken) =>
    sts.send(new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: "conformance", WebIdentityToken }));
  const token = readFileSync(tokenFile, "utf8");
  await assert.rejects(ask(collector, "a.b.c"), { name: "InvalidIdentityTokenException" });
  await assert.rejects(ask(collector.replace("collector", "read"), token), { name: "AccessDenied" });
});

// ---- Organizations, regions, quotas ----

test("every account is listed once, with state, tags and parents", async () => {
  const accounts = await collect(paginateListAccounts({ client: organizations }, {}), "Accounts");
  assert.equal(accounts.length, 14);
  assert.ok(accounts.every((a) => a.JoinedTimestamp instanceof Date && a.JoinedTimestamp.getUTCFullYear() > 2020));
  assert.ok(accounts.some((a) => !a.Status) && accounts.some((a) => !a.State));
  const root = (await organizations.send(new ListRootsCommand({}))).Roots[0].Id;
  for (const { Id, Paths } of accounts) {
    const parents = (await organizations.send(new ListParentsCommand({ ChildId: Id }))).Parents;
    assert.equal(parents[0].Id, Paths[0].split("/").at(-3));
    assert.match(Paths[0], new RegExp(`^o-[^/]+/${root}/`));
  }
  const tags = await collect(paginateListTagsForResource({ client: organizations }, { ResourceId: self.Account }), "Tags");
  assert.ok(tags.some((t) => t.Key === "team" && t.Value));
});

test("an account's regions are listed by their state", async () => {
  const client = new AccountClient(options("us-east-1"));
  const list = async (RegionOptStatusContains) =>
    (await collect(paginateListRegions({ client }, { RegionOptStatusContains }), "Regions")).map((r) => r.RegionName);
  assert.deepEqual(await list(["DISABLED"]), ["ap-southeast-5"]);
  assert.equal((await list(["ENABLED", "ENABLED_BY_DEFAULT"])).length, 6);
  assert.equal((await list()).length, 8);
});

test("service quotas are numbers, some without trust", async () => {
  const client = new ServiceQuotasClient(options("us-east-1"));
  const quotas = await collect(paginateListServiceQuotas({ client }, { ServiceCode: "bedrock" }), "Quotas");
  assert.ok(quotas.length > 10 && quotas.every((q) => typeof q.Value === "number" && q.Value > 0));
  assert.ok(quotas.some((q) => q.ErrorReason?.ErrorCode) && quotas.some((q) => !q.ErrorReason));
  assert.equal(new Set(quotas.map((q) => q.QuotaCode)).size, quotas.length);
});

// ---- Bedrock's control plane ----

test("profiles are listed by type, found by id and by ARN, and tagged", async () => {
  let applications = 0;
  await everywhere(async (place) => {
    const client = new BedrockClient(place.options);
    for (const typeEquals of ["SYSTEM_DEFINED", "APPLICATION"]) {
      const pages = paginateListInferenceProfiles({ client }, { typeEquals });
      for (const profile of await collect(pages, "inferenceProfileSummaries")) {
        assert.equal(profile.type, typeEquals);
        assert.ok(profile.createdAt instanceof Date && profile.models[0].modelArn.includes(":foundation-model/"));
        if (typeEquals === "SYSTEM_DEFINED") continue;
        applications++;
        for (const inferenceProfileIdentifier of [profile.inferenceProfileId, profile.inferenceProfileArn]) {
          const one = await client.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier }));
          assert.deepEqual(one.models, profile.models);
        }
        const { tags } = await client.send(new ListTagsForResourceCommand({ resourceARN: profile.inferenceProfileArn }));
        assert.ok(tags.every((t) => t.key && t.value));
      }
    }
  });
  assert.ok(applications > 10);
});

test("logging is on in most places and off in some", async () => {
  const counted = { on: 0, off: 0, group: 0 };
  await everywhere(async (place) => {
    const client = new BedrockClient(place.options);
    const { loggingConfig } = await client.send(new GetModelInvocationLoggingConfigurationCommand({}));
    counted[loggingConfig ? "on" : "off"]++;
    counted.group += loggingConfig?.cloudWatchConfig?.logGroupName ? 1 : 0;
  });
  assert.ok(counted.on > 15 && counted.group > 15 && counted.off > 0, JSON.stringify(counted));
});

test("models and provisioned throughput are lists", async () => {
  const client = new BedrockClient(options("us-east-1"));
  const { modelSummaries } = await client.send(new ListFoundationModelsCommand({ byProvider: "OpenAI" }));
  assert.ok(modelSummaries.length > 2 && modelSummaries.every((m) => m.modelId.startsWith("openai.")));
  const pages = paginateListProvisionedModelThroughputs({ client }, {});
  assert.deepEqual(await collect(pages, "provisionedModelSummaries"), []);
});

test("a trail tells its log group and that it is logging", async () => {
  const client = new CloudTrailClient(options("us-east-1"));
  const { trailList } = await client.send(new DescribeTrailsCommand({ includeShadowTrails: true }));
  assert.ok(trailList[0].CloudWatchLogsLogGroupArn.includes(`:log-group:${trailGroup}:`));
  const status = await client.send(new GetTrailStatusCommand({ Name: trailList[0].TrailARN }));
  assert.ok(status.IsLogging && status.LatestDeliveryTime instanceof Date);
});

// ---- what is refused, in the libraries' own words ----

test("errors have the names of the service models", async () => {
  const bedrock = new BedrockClient(once("us-east-1"));
  const absent = { inferenceProfileIdentifier: "none" };
  await assert.rejects(bedrock.send(new GetInferenceProfileCommand(absent)), { name: "ResourceNotFoundException" });
  await assert.rejects(organizations.send(new ListParentsCommand({ ChildId: "000000000001" })), {
    name: "ChildNotFoundException",
  });
  const accounts = await collect(paginateListAccounts({ client: organizations }, {}), "Accounts");
  const member = accounts.find((a) => a.State === "ACTIVE" && a.Status && a.Id !== self.Account && a.Name !== "management");
  const { OrganizationsClient, ListAccountsCommand } = await import("@aws-sdk/client-organizations");
  const theirs = new OrganizationsClient(once("us-east-1", await credentialsOf(member.Id)));
  await assert.rejects(theirs.send(new ListAccountsCommand({})), { name: "AccessDeniedException" });
});

test("throttling, denial and expiry are told apart in every protocol", async () => {
  const calls = {
    bedrock: () => new BedrockClient(once("us-east-1")).send(new GetModelInvocationLoggingConfigurationCommand({})),
    sts: () => new STSClient(once("us-east-1")).send(new GetCallerIdentityCommand({})),
    cloudtrail: () => new CloudTrailClient(once("us-east-1")).send(new DescribeTrailsCommand({})),
  };
  const kinds = {
    throttle: /^Throttling(Exception)?$/,
    deny: /^AccessDenied(Exception)?$/,
    expired: /^ExpiredToken(Exception)?$/,
  };
  for (const [kind, name] of Object.entries(kinds))
    await withFault({ api: "*", kind }, async () => {
      for (const call of Object.values(calls))
        await assert.rejects(call(), (e) => {
          assert.match(e.name, name);
          return true;
        });
    });
});

test("a throttled call is made again by the library and succeeds", () =>
  withFault({ api: "bedrock:*", kind: "throttle", rate: 0.5 }, async () => {
    const client = new BedrockClient(options("us-east-1"));
    for (let i = 0; i < 5; i++) await client.send(new GetModelInvocationLoggingConfigurationCommand({}));
  }));

test("a library learns the skew of the server's clock from its answer", () =>
  withFault({ api: "sts:*", kind: "skew", seconds: 86400 }, async () => {
    const sts = new STSClient(options("us-east-1"));
    assert.equal((await sts.send(new GetCallerIdentityCommand({}))).Account, self.Account);
  }));
