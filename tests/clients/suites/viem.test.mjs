// viem: public, wallet and test client.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import {
  BaseError, ContractFunctionRevertedError, createPublicClient, createTestClient, createWalletClient,
  defineChain, getContract, http, parseEther, parseEventLogs, webSocket,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { addresses, chainId, keys, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const { Token } = compile('Token.sol');
const { Probe } = compile('Probe.sol');

describe('viem', () => {
  let node, chain, open, alice, bob, token;

  before(async () => {
    node = await startNode();
    chain = defineChain({
      id: chainId,
      name: 'Boatyard',
      nativeCurrency: { name: 'filecoin', symbol: 'FIL', decimals: 18 },
      rpcUrls: { default: { http: [node.url], webSocket: [node.ws] } },
    });
    const options = { chain, transport: http(), pollingInterval: 50 };
    open = createPublicClient(options);
    alice = createWalletClient({ ...options, account: privateKeyToAccount(keys[0]) });
    bob = createWalletClient({ ...options, account: privateKeyToAccount(keys[1]) });
    const hash = await alice.deployContract({ abi: Token.abi, bytecode: Token.bytecode, args: [10n ** 24n] });
    const { contractAddress } = await open.waitForTransactionReceipt({ hash });
    token = getContract({ address: contractAddress, abi: Token.abi, client: { public: open, wallet: alice } });
  });
  after(() => node?.stop());

  it('knows the chain', async () => {
    assert.equal(await open.getChainId(), chainId);
  });

  it('transfers value and waits', async () => {
    const before = await open.getBalance({ address: addresses[2] });
    const hash = await alice.sendTransaction({ to: addresses[2], value: parseEther('2') });
    const receipt = await open.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, 'success');
    assert.equal(await open.getBalance({ address: addresses[2] }), before + parseEther('2'));
  });

  it('waits for several confirmations though nobody else sends anything', async () => {
    const hash = await alice.sendTransaction({ to: addresses[2], value: 1n });
    const receipt = await open.waitForTransactionReceipt({ hash, confirmations: 3 });
    assert.equal(receipt.status, 'success');
  });

  it('drives a token and reads its events', async () => {
    const done = async (hash) => open.waitForTransactionReceipt({ hash: await hash });
    await done(token.write.transfer([addresses[1], 1000n]));
    await done(token.write.approve([addresses[1], 500n]));
    const receipt = await done(
      bob.writeContract({
        address: token.address, abi: Token.abi, functionName: 'transferFrom',
        args: [addresses[0], addresses[2], 300n],
      }),
    );
    assert.equal(await token.read.balanceOf([addresses[2]]), 300n);
    const [event] = parseEventLogs({ abi: Token.abi, logs: receipt.logs });
    assert.deepEqual([event.eventName, event.args.value], ['Transfer', 300n]);
    const past = await open.getContractEvents({
      address: token.address, abi: Token.abi, eventName: 'Transfer', fromBlock: 0n,
    });
    assert.deepEqual(past.map((log) => log.args.value), [10n ** 24n, 1000n, 300n]);
  });

  it('decodes custom errors when simulating', async () => {
    const hash = await alice.deployContract({ abi: Probe.abi, bytecode: Probe.bytecode });
    const { contractAddress: address } = await open.waitForTransactionReceipt({ hash });
    const error = await open
      .simulateContract({ address, abi: Probe.abi, functionName: 'failWithError' })
      .then(() => assert.fail('it succeeded'), (failure) => failure);
    assert.ok(error instanceof BaseError);
    const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    assert.deepEqual([reverted.data.errorName, reverted.data.args[0]], ['Refused', 42n]);
  });

  it('watches blocks over a WebSocket', async () => {
    const socket = createPublicClient({ chain, transport: webSocket() });
    const numbers = [];
    let unwatch;
    const two = new Promise((resolve, reject) => {
      unwatch = socket.watchBlockNumber({
        onBlockNumber: (number) => numbers.push(number) === 2 && resolve(),
        onError: reject,
      });
    });
    await socket.getBlockNumber();
    const hash = await alice.sendTransaction({ to: addresses[1], value: 1n });
    await open.waitForTransactionReceipt({ hash });
    const tester = createTestClient({ chain, mode: 'anvil', transport: http() });
    await tester.mine({ blocks: 2 });
    await two;
    unwatch();
    assert.ok(numbers[1] > numbers[0]);
    (await socket.transport.getRpcClient()).close();
  });

  it('snapshots, changes and reverts', async () => {
    const tester = createTestClient({ chain, mode: 'anvil', transport: http() });
    const before = await open.getBalance({ address: addresses[1] });
    const id = await tester.snapshot();
    await tester.setBalance({ address: addresses[1], value: parseEther('7') });
    assert.equal(await open.getBalance({ address: addresses[1] }), parseEther('7'));
    await tester.revert({ id });
    assert.equal(await open.getBalance({ address: addresses[1] }), before);
  });
});
