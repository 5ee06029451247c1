// console.log in the node's log, reasons decoded, traces through viem and cast.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { createPublicClient, createWalletClient, encodeFunctionData, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { chainId, keys, rpc, run, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const { Talker } = compile('Talker.sol');
const { Probe } = compile('Probe.sol');

describe('debugging', () => {
  let node, wallet, client, talker;
  const ask = async (method, ...params) => {
    const { result, error } = await rpc(node.url, method, params);
    assert.equal(error, undefined, `${method}: ${error?.message}`);
    return result;
  };
  const send = async (functionName, args, gas = 1_000_000_000n) => {
    const data = encodeFunctionData({ abi: Talker.abi, functionName, args });
    const hash = await wallet.sendTransaction({ to: talker, data, gas });
    return client.waitForTransactionReceipt({ hash, pollingInterval: 20 });
  };
  const logged = () => node.log.join('').replace(/\x1b\[[0-9;]*m/g, '');

  before(async () => {
    node = await startNode();
    const chain = {
      id: chainId, name: 'devnet', nativeCurrency: { name: 'FIL', symbol: 'FIL', decimals: 18 },
      rpcUrls: { default: { http: [node.url] } },
    };
    client = createPublicClient({ chain, transport: http(node.url) });
    wallet = createWalletClient({ account: privateKeyToAccount(keys[0]), chain, transport: http(node.url) });
    const hash = await wallet.deployContract({ abi: Talker.abi, bytecode: Talker.bytecode });
    talker = (await client.waitForTransactionReceipt({ hash, pollingInterval: 20 })).contractAddress;
  });
  after(() => node?.stop());

  it('console.log of transactions and calls is in the node\'s log', async () => {
    const receipt = await send('talk', ['berth', 12n]);
    assert.equal(receipt.status, 'success');
    assert.match(logged(), /berth 12/);
    await client.readContract({ address: talker, abi: Talker.abi, functionName: 'peek' });
    assert.match(logged(), /a look/);
  });

  it('console.log is in our own traces', async () => {
    const receipt = await send('talk', ['quay', 3n]);
    const trace = await ask('boatyard_traceMessage', receipt.transactionHash);
    assert.deepEqual(trace.call.logs, ['console.log: quay 3']);
  });

  it('a failure is explained in the log, with the contract\'s own error', async () => {
    await ask('boatyard_registerContractAbi', Talker.abi);
    const receipt = await send('talkAndFail', [9n]);
    assert.equal(receipt.status, 'reverted');
    for (let tries = 0; tries < 100 && !/failed: /.test(logged()); tries += 1) await ask('eth_chainId');
    assert.match(logged(), /failed: TooMuch\(asked: "?9"?, most: "?7"?\)/);
    const { error } = await rpc(node.url, 'eth_call', [
      { to: talker, data: encodeFunctionData({ abi: Talker.abi, functionName: 'talkAndFail', args: [9n] }) },
      'latest',
    ]);
    assert.equal(error.code, 3);
    assert.match(error.message, /execution reverted: TooMuch/);
  });

  it('a creation inside a call is a CREATE, and every instruction is there', async () => {
    const hash = await wallet.deployContract({ abi: Probe.abi, bytecode: Probe.bytecode });
    const { contractAddress } = await client.waitForTransactionReceipt({ hash, pollingInterval: 20 });
    const data = encodeFunctionData({ abi: Probe.abi, functionName: 'spawn' });
    const spawned = await client.waitForTransactionReceipt({
      hash: await wallet.sendTransaction({ to: contractAddress, data }), pollingInterval: 20,
    });
    const calls = await ask('debug_traceTransaction', spawned.transactionHash, { tracer: 'callTracer' });
    assert.equal(calls.calls[0].type, 'CREATE');
    assert.equal(await ask('eth_getCode', calls.calls[0].to, 'latest'), calls.calls[0].output);
    const steps = await ask('debug_traceTransaction', spawned.transactionHash, {});
    const ops = steps.structLogs.map((step) => step.op);
    assert.ok(ops.includes('CREATE') && steps.structLogs.some((step) => step.depth === 2));
    assert.equal(steps.failed, false);
    assert.equal(BigInt(steps.gas), spawned.gasUsed);
    assert.equal(steps.differs, undefined);
  });

  it('cast shows the traces', async () => {
    const receipt = await send('talk', ['mole', 1n]);
    const trace = await run('cast', 'rpc', '--rpc-url', node.url, 'trace_transaction', receipt.transactionHash);
    assert.equal(JSON.parse(trace)[0].action.to, talker.toLowerCase());
    const shown = await run(
      'cast', 'call', '--rpc-url', node.url, '--trace', '--debug-trace-call', talker, 'count()(uint256)',
    ).catch((error) => error.message);
    assert.doesNotMatch(shown, /unexpected argument|not found/);
  });
});
