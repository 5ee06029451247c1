// ethers 6: batches its requests, polls for receipts, parses errors.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider, isCallException, parseEther } from 'ethers';

import { addresses, chainId, keys, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const { Token } = compile('Token.sol');
const { Probe } = compile('Probe.sol');

describe('ethers', () => {
  let node, provider, alice, bob, token;

  before(async () => {
    node = await startNode();
    provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1 });
    provider.pollingInterval = 50;
    alice = new Wallet(keys[0], provider);
    bob = new Wallet(keys[1], provider);
    token = await new ContractFactory(Token.abi, Token.bytecode, alice).deploy(10n ** 24n);
    await token.waitForDeployment();
  });
  after(async () => {
    provider?.destroy();
    await node?.stop();
  });

  it('knows the network', async () => {
    assert.equal((await provider.getNetwork()).chainId, BigInt(chainId));
  });

  it('transfers value', async () => {
    const before = await provider.getBalance(addresses[2]);
    const sent = await alice.sendTransaction({ to: addresses[2], value: parseEther('2') });
    const receipt = await sent.wait();
    assert.equal(receipt.status, 1);
    assert.equal(await provider.getBalance(addresses[2]), before + parseEther('2'));
  });

  it('drives a token and reads its events', async () => {
    await (await token.transfer(addresses[1], 1000n)).wait();
    await (await token.approve(addresses[1], 500n)).wait();
    const receipt = await (await token.connect(bob).transferFrom(addresses[0], addresses[2], 300n)).wait();
    assert.equal(await token.balanceOf(addresses[2]), 300n);
    assert.equal(await token.allowance(addresses[0], addresses[1]), 200n);

    const [log] = receipt.logs;
    const event = token.interface.parseLog(log);
    assert.deepEqual([event.name, event.args.value], ['Transfer', 300n]);
    assert.equal(log.address, await token.getAddress());

    const past = await token.queryFilter(token.filters.Transfer(null, addresses[2]), 0);
    assert.deepEqual(past.map((entry) => entry.args.value), [300n]);
    assert.equal(past[0].transactionHash, receipt.hash);
  });

  it('decodes custom errors, reasons and panics', async () => {
    const probe = await new ContractFactory(Probe.abi, Probe.bytecode, alice).deploy();
    await probe.waitForDeployment();
    const failure = (promise) => promise.then(() => assert.fail('it succeeded'), (error) => error);

    const custom = await failure(probe.failWithError.staticCall());
    assert.ok(isCallException(custom));
    assert.deepEqual([custom.revert.name, custom.revert.args[0]], ['Refused', 42n]);

    assert.equal((await failure(probe.failWithReason.staticCall())).reason, 'the harbour is closed');
    assert.match((await failure(probe.failWithPanic.staticCall(0n))).reason, /^Panic due to DIVIDE_BY_ZERO/);

    const refused = await failure(token.connect(bob).transferFrom(addresses[2], addresses[1], 10n ** 30n));
    assert.equal(token.interface.parseError(refused.data).name, 'InsufficientAllowance');
  });

  it('sees the epoch and the contract created inside a call', async () => {
    const probe = await new ContractFactory(Probe.abi, Probe.bytecode, alice).deploy();
    await probe.waitForDeployment();
    const child = await probe.spawn.staticCall();
    await (await probe.spawn()).wait();
    assert.notEqual(await provider.getCode(child), '0x');
    const [chain, number] = await probe.surroundings();
    assert.equal(chain, BigInt(chainId));
    assert.ok(number >= BigInt((await provider.getBlockNumber()) - 1));
  });

  it('reports blocks with their transactions', async () => {
    const receipt = await (await alice.sendTransaction({ to: addresses[1], value: 1n })).wait();
    const block = await provider.getBlock(receipt.blockNumber, true);
    assert.equal(block.hash, receipt.blockHash);
    assert.deepEqual(block.prefetchedTransactions.map((tx) => tx.hash), [receipt.hash]);
    const parent = await provider.getBlock(block.parentHash);
    assert.ok(parent.number < block.number);
  });

  it('hears of blocks and logs over a WebSocket', async () => {
    const socket = new WebSocketProvider(node.ws);
    try {
      const heard = new Promise((resolve) => token.connect(socket).once('Transfer', (from, to, value) => resolve(value)));
      const block = new Promise((resolve) => socket.once('block', resolve));
      await socket.getBlockNumber();
      const receipt = await (await token.transfer(addresses[1], 77n)).wait();
      assert.equal(await heard, 77n);
      assert.ok((await block) <= receipt.blockNumber);
    } finally {
      await socket.destroy();
    }
  });

  it('is told of pending transactions, blocks and logs by subscriptions', async () => {
    const socket = new WebSocketProvider(node.ws);
    try {
      const address = await token.getAddress();
      const pending = new Promise((resolve) => socket.once('pending', resolve));
      const logs = new Promise((resolve) => socket.once({ address }, resolve));
      const blocks = new Promise((resolve) => {
        const numbers = [];
        socket.on('block', (number) => numbers.push(number) === 3 && resolve(numbers));
      });
      await socket.getBlockNumber();
      const sent = await token.transfer(addresses[1], 5n);
      assert.equal(await pending, sent.hash);
      assert.equal((await logs).transactionHash, sent.hash);
      await provider.send('anvil_mine', ['0x3']);
      const numbers = await blocks;
      assert.deepEqual(numbers.slice(0, 3), [numbers[0], numbers[0] + 1, numbers[0] + 2]);
    } finally {
      await socket.destroy();
    }
  });

  it('is told of events over HTTP by filters', async () => {
    // Filters are given back after the listener has been told.
    const asked = new Set();
    let left = 2;
    const givenBack = new Promise((resolve) => provider.on('debug', ({ action, payload, result }) => {
      for (const { id, method } of [payload ?? []].flat()) if (method === 'eth_uninstallFilter') asked.add(id);
      if (action !== 'receiveRpcResult') return;
      for (const { id } of [result].flat()) if (asked.has(id) && (left -= 1) === 0) resolve();
    }));
    const heard = new Promise((resolve) => token.once('Approval', (owner, spender, value) => resolve(value)));
    const others = new Promise((resolve) => token.once(token.filters.Approval(null, addresses[2]), resolve));
    await provider.getBlockNumber();
    await (await token.approve(addresses[1], 11n)).wait();
    assert.equal(await heard, 11n);
    await (await token.approve(addresses[2], 12n)).wait();
    assert.equal((await others).log.args.spender, addresses[2]);
    await givenBack;
    provider.off('debug');
  });
});
