// The node as a process: start, flags, stop.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';

import { rpc, run, startColdNode as startNode } from '../lib/node.mjs';

describe('boatyard node', () => {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    it(`stops cleanly on ${signal}`, async () => {
      const node = await startNode();
      node.child.kill(signal);
      assert.deepEqual(await node.exited, { code: 0, signal: null });
    });
  }

  it('takes its chain id, accounts and balance from the flags', async () => {
    const node = await startNode('--chain-id', '31337', '--accounts', '3', '--balance', '50');
    try {
      assert.equal((await rpc(node.url, 'eth_chainId')).result, '0x7a69');
      const { result: accounts } = await rpc(node.url, 'eth_accounts');
      assert.equal(accounts.length, 3);
      const { result: balance } = await rpc(node.url, 'eth_getBalance', [accounts[2], 'latest']);
      assert.equal(BigInt(balance), 50n * 10n ** 18n);
    } finally {
      await node.stop();
    }
  });

  it('says what to do when the port is taken', async () => {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await assert.rejects(
        run('boatyard', 'node', '--port', String(server.address().port)),
        /in use[\s\S]*--port/,
      );
    } finally {
      server.close();
    }
  });

  it('mines nothing by itself with --no-mining', async () => {
    const node = await startNode('--no-mining');
    try {
      const { result: before } = await rpc(node.url, 'eth_blockNumber');
      await rpc(node.url, 'evm_mine');
      const { result: after } = await rpc(node.url, 'eth_blockNumber');
      assert.equal(BigInt(after), BigInt(before) + 1n);
    } finally {
      await node.stop();
    }
  });
});
