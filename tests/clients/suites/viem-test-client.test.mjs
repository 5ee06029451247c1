// viem's test client, in the modes of the two nodes that it knows best.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { createTestClient, defineChain, http, parseEther, publicActions, walletActions } from 'viem';

import { addresses, chainId, startNode } from '../lib/node.mjs';

const somebody = '0x00000000000000000000000000000000000000aa';

for (const mode of ['anvil', 'hardhat']) {
  describe(`viem's test client as for ${mode}`, () => {
    let node, client;

    before(async () => {
      // The unit of evm_setIntervalMining is the one of the node that it seems to be.
      node = await startNode(...(mode === 'hardhat' ? ['--client-version', 'HardhatNetwork/boatyard'] : []));
      const chain = defineChain({
        id: chainId,
        name: 'Boatyard',
        nativeCurrency: { name: 'filecoin', symbol: 'FIL', decimals: 18 },
        rpcUrls: { default: { http: [node.url] } },
      });
      client = createTestClient({ chain, mode, transport: http(), pollingInterval: 20, cacheTime: 0 })
        .extend(publicActions).extend(walletActions);
    });
    after(() => node?.stop());

    const send = (fields = {}) =>
      client.sendTransaction({ account: addresses[0], to: addresses[1], value: 1n, ...fields });
    const latest = () => client.getBlock({ blockTag: 'latest' });

    it('changes accounts', async () => {
      await client.setBalance({ address: somebody, value: parseEther('3') });
      assert.equal(await client.getBalance({ address: somebody }), parseEther('3'));
      await client.setCode({ address: somebody, bytecode: '0x60005460005260206000f3' });
      await client.setStorageAt({ address: somebody, index: 0, value: `0x${'00'.repeat(31)}2a` });
      assert.equal(BigInt((await client.call({ to: somebody })).data), 42n);
      await client.setNonce({ address: '0x00000000000000000000000000000000000000bb', nonce: 9 });
      assert.equal(await client.getTransactionCount({ address: '0x00000000000000000000000000000000000000bb' }), 9);
    });

    it('is anybody', async () => {
      await client.impersonateAccount({ address: somebody });
      const hash = await send({ account: somebody, value: 5n });
      assert.equal((await client.waitForTransactionReceipt({ hash })).from, somebody);
      await client.stopImpersonatingAccount({ address: somebody });
      await assert.rejects(send({ account: somebody }));
    });

    it('mines when told to', async () => {
      assert.equal(await client.getAutomine(), true);
      await client.setAutomine(false);
      const before = await client.getBlockNumber();
      const [first, second] = [await send(), await send()];
      assert.equal(await client.getBlockNumber(), before);
      if (mode === 'anvil') {
        assert.equal((await client.getTxpoolStatus()).pending, 2);
        const content = await client.getTxpoolContent();
        assert.equal(Object.values(content.pending).flatMap(Object.values).length, 2);
        assert.ok(Object.keys((await client.inspectTxpool()).pending).length > 0);
      }
      await client.dropTransaction({ hash: second });
      await client.mine({ blocks: 1 });
      assert.equal((await client.getTransactionReceipt({ hash: first })).status, 'success');
      await assert.rejects(client.getTransaction({ hash: second }), /not be found/);
      await client.setAutomine(true);
      await client.mine({ blocks: 5 });
      assert.equal(await client.getBlockNumber(), before + 6n);
    });

    it('mines by the clock', async () => {
      const before = await client.getBlockNumber();
      await client.setIntervalMining({ interval: 1 });
      const deadline = Date.now() + 30_000;
      while ((await client.getBlockNumber()) < before + 2n) {
        assert.ok(Date.now() < deadline, 'nothing was mined');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      await client.setIntervalMining({ interval: 0 });
      await client.setAutomine(true);
    });

    it('lets time pass', async () => {
      const { timestamp } = await latest();
      await client.increaseTime({ seconds: 3600 });
      await client.mine({ blocks: 1 });
      assert.ok((await latest()).timestamp >= timestamp + 3600n);
      const next = (await latest()).timestamp + 600n;
      await client.setNextBlockTimestamp({ timestamp: next });
      await client.mine({ blocks: 1 });
      assert.equal((await latest()).timestamp, next);
    });

    it('sets what the next block pays', async () => {
      await client.setNextBlockBaseFeePerGas({ baseFeePerGas: 4321n });
      await client.mine({ blocks: 1 });
      assert.equal((await latest()).baseFeePerGas, 4321n);
      await client.setBlockGasLimit({ gasLimit: 10_000_000_000n });
      await client.setCoinbase({ address: somebody });
      await client.setLoggingEnabled(false);
    });

    it('goes back to snapshots and to files', async () => {
      const id = await client.snapshot();
      const number = await client.getBlockNumber();
      await client.setBalance({ address: somebody, value: 7n });
      await client.mine({ blocks: 2 });
      await client.revert({ id });
      assert.equal(await client.getBlockNumber(), number);
      assert.notEqual(await client.getBalance({ address: somebody }), 7n);
      if (mode === 'anvil') {
        await client.setBalance({ address: somebody, value: 8n });
        const state = await client.dumpState();
        await client.setBalance({ address: somebody, value: 9n });
        await client.loadState({ state });
        assert.equal(await client.getBalance({ address: somebody }), 8n);
      }
    });

    it('begins anew', async () => {
      await client.reset();
      assert.equal(await client.getBlockNumber(), 0n);
    });
  });
}
