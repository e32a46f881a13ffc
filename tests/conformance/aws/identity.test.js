import assert from "node:assert/strict";
import { test } from "node:test";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { CloudWatchClient, ListMetricsCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeOrganizationCommand } from "@aws-sdk/client-organizations";
import { accountsBelow, credentialsOf, externalId, options, organizations } from "./cloud.js";
import { roleOf, self, stateOf, unit } from "./cloud.js";

const all = await accountsBelow(unit);
const other = all.find((a) => stateOf(a) === "ACTIVE" && a.Id !== self.Account).Id;

test("the libraries' chain finds the profile's keys, and they tell who we are", () => {
  assert.match(self.Account, /^\d{12}$/);
  assert.match(self.Arn, new RegExp(`^arn:aws:iam::${self.Account}:user/`));
});

test("the organization's tree holds twelve active accounts and a suspended one", async () => {
  assert.equal(all.filter((a) => stateOf(a) === "ACTIVE").length, 12);
  assert.equal(all.filter((a) => stateOf(a) === "SUSPENDED").length, 1);
  assert.equal(new Set(all.map((a) => a.Id)).size, 13);
  const { Organization } = await organizations.send(new DescribeOrganizationCommand({}));
  assert.match(Organization.Id, /^o-/);
});

test("an assumed role is of the other account, session and all", async () => {
  const sts = new STSClient(options("eu-central-1", await credentialsOf(other)));
  const who = await sts.send(new GetCallerIdentityCommand({}));
  assert.equal(who.Account, other);
  assert.match(who.Arn, /:assumed-role\/trefoil-read\/conformance$/);
});

test("a role wants its external id", async () => {
  const sts = new STSClient({ ...options("us-east-1"), maxAttempts: 1 });
  const ask = { RoleArn: roleOf(other), RoleSessionName: "conformance" };
  await assert.rejects(sts.send(new AssumeRoleCommand(ask)), { name: "AccessDenied" });
  await assert.rejects(sts.send(new AssumeRoleCommand({ ...ask, ExternalId: `${externalId}x` })), { name: "AccessDenied" });
});

test("a wrong secret and an unknown key are told apart", async () => {
  const good = await credentialsOf(other);
  const refused = async (credentials, name) => {
    const client = new CloudWatchClient({ ...options("us-east-1", credentials), maxAttempts: 1 });
    await assert.rejects(client.send(new ListMetricsCommand({})), (e) => {
      assert.match(e.name, name);
      return true;
    });
  };
  await refused({ ...good, secretAccessKey: `${good.secretAccessKey}x` }, /^(InvalidSignatureException|SignatureDoesNotMatch)$/);
  await refused({ ...good, sessionToken: undefined }, /^(UnrecognizedClientException|InvalidClientTokenId)$/);
  await refused({ accessKeyId: "AKIAUNKNOWNUNKNOWN00", secretAccessKey: "x" }, /^(UnrecognizedClientException|InvalidClientTokenId)$/);
});
