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

  it('warns when other machines can reach it, and only then', async () => {
    for (const [warned, ...flags] of [
      [true, '--host', '0.0.0.0'],
      [false, '--host', '0.0.0.0', '--token', 'a-long-secret-word'],
      [false],
    ]) {
      const node = await startNode(...flags);
      await node.stop();
      assert.equal(/everybody who reaches this address/.test(node.log.join('')), warned, flags.join(' '));
    }
  });

  it('asks for its token, and has no development methods when told so', async () => {
    const node = await startNode('--token', 'a-long-secret-word', '--no-dev-methods');
    const ask = async (method, params, token) => {
      const response = await fetch(node.url, {
        method: 'POST',
        headers: token ? { authorization: `Bearer ${token}` } : {},
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      });
      return response.status === 200 ? response.json() : response.status;
    };
    try {
      const [from] = (await ask('eth_accounts', [], 'a-long-secret-word')).result;
      const transaction = [{ from, to: from, value: '0x1' }];
      assert.ok((await ask('eth_chainId', [])).result);
      assert.ok((await ask('eth_sendTransaction', transaction)).error);
      assert.equal(await ask('eth_sendTransaction', transaction, 'another'), 401);
      assert.ok((await ask('eth_sendTransaction', transaction, 'a-long-secret-word')).result);
      for (const method of ['evm_mine', 'anvil_setBalance', 'hardhat_reset', 'evm_snapshot']) {
        assert.equal((await ask(method, [], 'a-long-secret-word')).error.code, -32601, method);
      }
    } finally {
      await node.stop();
    }
  });
});
