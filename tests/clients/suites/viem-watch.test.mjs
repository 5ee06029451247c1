// viem's watchers: filters that are polled over HTTP, subscriptions over a WebSocket.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { createPublicClient, createWalletClient, defineChain, getContract, http, webSocket } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { addresses, chainId, keys, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const { Token } = compile('Token.sol');

for (const transport of ['http', 'webSocket']) {
  describe(`viem watches over ${transport}`, () => {
    let node, client, alice, token;
    const done = async (hash) => client.waitForTransactionReceipt({ hash: await hash });

    /// Resolves with what the watcher tells once `enough` of it was told.
    const told = (watch, enough) => {
      const heard = [];
      return new Promise((resolve, reject) => {
        const unwatch = watch({
          tell: (...items) => {
            heard.push(...items);
            if (heard.length < enough) return;
            unwatch();
            resolve(heard);
          },
          onError: reject,
        });
      });
    };
    /// The same, with something that happens meanwhile again and again: a watcher over HTTP does
    /// not say when it has begun.
    const during = async (act, watch, enough) => {
      let over = false;
      const heard = told(watch, enough).finally(() => (over = true));
      while (!over) {
        await act();
        await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 20))]);
      }
      return heard;
    };

    before(async () => {
      node = await startNode();
      const chain = defineChain({
        id: chainId,
        name: 'Boatyard',
        nativeCurrency: { name: 'filecoin', symbol: 'FIL', decimals: 18 },
        rpcUrls: { default: { http: [node.url], webSocket: [node.ws] } },
      });
      // A socket that is opened anew would keep the tests alive when the node is gone.
      const kind = { http, webSocket: () => webSocket(undefined, { reconnect: false, keepAlive: false }) }[transport];
      client = createPublicClient({ chain, transport: kind(), pollingInterval: 20, cacheTime: 0 });
      alice = createWalletClient({ chain, transport: http(), account: privateKeyToAccount(keys[0]) });
      const { contractAddress } = await done(
        alice.deployContract({ abi: Token.abi, bytecode: Token.bytecode, args: [10n ** 24n] }),
      );
      token = getContract({ address: contractAddress, abi: Token.abi, client: { public: client, wallet: alice } });
    });
    after(async () => {
      if (transport === 'webSocket') (await client.transport.getRpcClient()).close();
      await node?.stop();
    });

    it('events of a contract', async () => {
      let value = 0n;
      const send = () => done(token.write.transfer([addresses[1], (value += 1n)]));
      const logs = await during(send, ({ tell, onError }) =>
        token.watchEvent.Transfer({ to: addresses[1] }, { onLogs: (logs) => tell(...logs), onError }), 3);
      const first = logs[0].args.value;
      assert.deepEqual(logs.slice(0, 3).map((log) => log.args.value), [first, first + 1n, first + 2n]);
      assert.ok(logs.every((log) => log.eventName === 'Transfer' && !log.removed));
    });

    it('logs of any address', async () => {
      const send = () => done(token.write.approve([addresses[2], 9n]));
      const [log] = await during(send, ({ tell, onError }) =>
        client.watchEvent({ address: token.address, onLogs: (logs) => tell(...logs), onError }), 1);
      assert.equal(log.address.toLowerCase(), token.address.toLowerCase());
    });

    it('blocks, none left out', async () => {
      const send = () => done(alice.sendTransaction({ to: addresses[1], value: 1n }));
      const blocks = await during(send, ({ tell, onError }) =>
        client.watchBlocks({ onBlock: (block) => tell(block), onError, emitMissed: true }), 4);
      for (const [index, block] of blocks.entries()) {
        assert.equal(block.number, blocks[0].number + BigInt(index));
        if (index > 0) assert.equal(block.parentHash, blocks[index - 1].hash);
      }
    });

    it('transactions that wait', async () => {
      const sent = [];
      const send = async () => {
        sent.push(await alice.sendTransaction({ to: addresses[1], value: 1n }));
        await done(sent.at(-1));
      };
      const hashes = await during(send, ({ tell, onError }) =>
        client.watchPendingTransactions({ onTransactions: (all) => tell(...all), onError, batch: false }), 2);
      assert.ok(hashes.every((hash) => sent.includes(hash)));
    });
  });
}
