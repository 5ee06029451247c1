// Forge: contracts created, a script broadcast, tests on a fork of the node.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { addresses, chainId, keys, root, run, startNode } from '../lib/node.mjs';

const project = join(root, 'foundry');

describe('forge', () => {
  let node, berth;
  const forge = async (...args) => {
    const options = {
      cwd: project,
      env: {
        ...process.env, BOATYARD_URL: node.url, BERTH: berth ?? '', NO_COLOR: '1',
        FOUNDRY_DISABLE_NIGHTLY_WARNING: '1', FOUNDRY_SOLC: join(root, 'lib', 'solc.cjs'),
      },
      maxBuffer: 1 << 26,
    };
    try {
      return (await promisify(execFile)(join(root, 'node_modules', '.bin', 'forge'), args, options)).stdout;
    } catch (error) {
      throw new Error(`forge ${args.join(' ')}\n${error.stdout}${error.stderr}`);
    }
  };
  const leave = () => Promise.all(
    ['out', 'cache', 'broadcast'].map((name) => rm(join(project, name), { recursive: true, force: true })),
  );

  before(async () => {
    await leave();
    node = await startNode();
  });
  after(async () => {
    await node?.stop();
    await leave();
  });

  it('creates a contract', { timeout: 120_000 }, async () => {
    const made = JSON.parse(await forge(
      'create', 'src/Berth.sol:Berth', '--rpc-url', node.url, '--private-key', keys[0], '--broadcast', '--json',
      '--constructor-args', '9',
    ));
    assert.equal(made.deployer.toLowerCase(), addresses[0].toLowerCase());
    assert.match(await run('cast', 'call', '--rpc-url', node.url, made.deployedTo, 'fee()(uint256)'), /^9/);
    await forge(
      'create', 'src/Berth.sol:Berth', '--rpc-url', node.url, '--from', addresses[1], '--unlocked', '--broadcast',
      '--constructor-args', '1',
    );
  });

  it('broadcasts a script', { timeout: 120_000 }, async () => {
    await forge(
      'script', 'script/Fleet.s.sol:Fleet', '--rpc-url', node.url, '--private-key', keys[0], '--broadcast',
      '--skip-simulation', '--slow',
    );
    const file = join(project, 'broadcast', 'Fleet.s.sol', String(chainId), 'run-latest.json');
    const { transactions, receipts } = JSON.parse(await readFile(file, 'utf8'));
    assert.equal(transactions.length, 4);
    assert.ok(receipts.every(({ status }) => BigInt(status) === 1n));
    berth = receipts[0].contractAddress;
    assert.equal(await run('cast', 'call', '--rpc-url', node.url, berth, 'taken()(uint256)'), '3');
  });

  it('tests run on the state of the node, and go back to snapshots', { timeout: 120_000 }, async () => {
    const output = await forge('test', '-vv');
    assert.match(output, /3 passed; 0 failed/);
  });

  it('cast goes back to a snapshot of the node', async () => {
    const snapshot = JSON.parse(await run('cast', 'rpc', '--rpc-url', node.url, 'evm_snapshot'));
    const take = ['send', '--rpc-url', node.url, '--private-key', keys[0], berth, 'take()', '--value', '6'];
    await run('cast', ...take);
    assert.equal(await run('cast', 'call', '--rpc-url', node.url, berth, 'taken()(uint256)'), '4');
    assert.equal(await run('cast', 'rpc', '--rpc-url', node.url, 'evm_revert', snapshot), 'true');
    assert.equal(await run('cast', 'call', '--rpc-url', node.url, berth, 'taken()(uint256)'), '3');
    await assert.rejects(run('cast', 'call', '--rpc-url', node.url, berth, 'take()(uint256)'), /revert/);
  });
});
