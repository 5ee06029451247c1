// Hardhat 2 with its network helpers and Ignition; OpenZeppelin's contracts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { root, rpc, startNode } from '../lib/node.mjs';

const project = join(root, 'hardhat2');

describe('hardhat 2', () => {
  let node;
  const hardhat = async (...args) => {
    const bin = join(root, 'node_modules', '.bin', 'hardhat');
    const options = {
      cwd: project,
      env: { ...process.env, BOATYARD_URL: node.url, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
        HARDHAT_IGNITION_CONFIRM_DEPLOYMENT: 'true', NO_COLOR: '1' },
      maxBuffer: 1 << 26,
    };
    try {
      return (await promisify(execFile)(bin, args, options)).stdout;
    } catch (error) {
      throw new Error(`hardhat ${args.join(' ')}\n${error.stdout}${error.stderr}`);
    }
  };

  before(async () => {
    node = await startNode();
  });
  after(async () => {
    await node?.stop();
    await rm(join(project, 'ignition', 'deployments'), { recursive: true, force: true });
  });

  it('compiles, and all tests of a project pass', { timeout: 600_000 }, async () => {
    await hardhat('compile', '--quiet');
    const output = await hardhat('test', '--no-compile');
    assert.match(output, /11 passing/);
    assert.doesNotMatch(output, /failing/);
  });

  it('Ignition deploys a module and knows it the next time', { timeout: 300_000 }, async () => {
    await hardhat('ignition', 'deploy', 'ignition/modules/Harbour.cjs');
    const file = join(project, 'ignition', 'deployments', 'chain-31415926', 'deployed_addresses.json');
    const deployed = JSON.parse(await readFile(file, 'utf8'));
    const code = await rpc(node.url, 'eth_getCode', [deployed['Harbour#Council'], 'latest']);
    assert.ok(code.result.length > 10_000);
    const again = await hardhat('ignition', 'deploy', 'ignition/modules/Harbour.cjs');
    assert.match(again, /Nothing new to deploy|already deployed/i);
  });
});
