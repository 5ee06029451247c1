// Hardhat 3 with its network helpers and Ignition. It needs a Node newer than many systems
// have; one comes with the packages of these tests.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { root, rpc, startNode } from '../lib/node.mjs';

const project = join(root, 'hardhat3');
const modules = join(project, 'node_modules');
const newer = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
const runtime = existsSync(newer) ? newer : process.execPath;
const enough = existsSync(newer) || Number(process.versions.node.split('.')[0]) >= 22;
const skip = enough ? false : 'no Node 22 for this system';

describe('hardhat 3', { skip }, () => {
  let node;
  const hardhat = async (...args) => {
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
    const options = {
      cwd: project,
      env: {
        ...inherited, BOATYARD_URL: node.url, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
        HARDHAT_IGNITION_CONFIRM_DEPLOYMENT: 'true', HARDHAT_TEST_INTERACTIVE_ENV: 'false', CI: 'true', NO_COLOR: '1',
      },
      maxBuffer: 1 << 26,
      timeout: 240_000,
    };
    const cli = join(modules, 'hardhat', 'dist', 'src', 'cli.js');
    try {
      return (await promisify(execFile)(runtime, [cli, '--network', 'boatyard', ...args], options)).stdout;
    } catch (error) {
      throw new Error(`hardhat ${args.join(' ')}\n${error.stdout}${error.stderr}`);
    }
  };
  const leave = () => Promise.all(
    ['artifacts', 'cache', join('ignition', 'deployments')]
      .map((name) => rm(join(project, name), { recursive: true, force: true })),
  );

  before(async () => {
    assert.ok(existsSync(modules), 'its packages are missing: run `make clients`');
    await leave();
    node = await startNode();
  });
  after(async () => {
    await node?.stop();
    await leave();
  });

  it('compiles, and all tests of a project pass', async () => {
    await hardhat('build');
    const output = await hardhat('test', 'nodejs', '--no-compile');
    assert.match(output, /8 passing/);
    assert.doesNotMatch(output, /failing/);
  });

  it('Ignition deploys a module and knows it the next time', async () => {
    await hardhat('ignition', 'deploy', 'ignition/modules/Quay.js');
    const file = join(project, 'ignition', 'deployments', 'chain-31415926', 'deployed_addresses.json');
    const deployed = JSON.parse(await readFile(file, 'utf8'));
    const code = await rpc(node.url, 'eth_getCode', [deployed['Harbour#Quay'], 'latest']);
    assert.ok(code.result.length > 1_000);
    const again = await hardhat('ignition', 'deploy', 'ignition/modules/Quay.js');
    assert.match(again, /Nothing new to deploy|already deployed/i);
  });
});
