// cast, as people type it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { addresses, chainId, keys, run, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const { Token } = compile('Token.sol');
const { Probe } = compile('Probe.sol');

describe('cast', () => {
  let node;
  const cast = (command, ...args) => run('cast', command, '--rpc-url', node.url, ...args);
  const send = async (...args) => JSON.parse(await cast('send', '--json', '--private-key', keys[0], ...args));

  before(async () => {
    node = await startNode();
  });
  after(() => node?.stop());

  it('reads the chain id', async () => {
    assert.equal(await cast('chain-id'), String(chainId));
  });

  it('reads a funded balance', async () => {
    assert.ok(BigInt(await cast('balance', addresses[0])) >= 10n ** 21n);
  });

  it('sends value to a new address and finds the receipt', async () => {
    const to = '0x00000000000000000000000000000000B0A7B0A7';
    const receipt = await send(to, '--value', '1.5ether');
    assert.equal(receipt.status, '0x1');
    assert.equal(await cast('balance', to, '--ether'), '1.500000000000000000');
    const found = JSON.parse(await cast('receipt', receipt.transactionHash, '--json'));
    assert.equal(found.blockHash, receipt.blockHash);
    assert.equal(found.from.toLowerCase(), addresses[0].toLowerCase());
    const transaction = JSON.parse(await cast('tx', receipt.transactionHash, '--json'));
    assert.equal(BigInt(transaction.value), 15n * 10n ** 17n);
  });

  it('estimates gas that then suffices', async () => {
    const gas = BigInt(await cast('estimate', addresses[1], '--value', '1', '--from', addresses[0]));
    assert.ok(gas > 0n);
    const receipt = await send(addresses[1], '--value', '1', '--gas-limit', gas.toString());
    assert.equal(receipt.status, '0x1');
    assert.ok(BigInt(receipt.gasUsed) <= gas);
  });

  it('deploys a token, transfers, approves, and reads its events', async () => {
    const supply = 10n ** 24n;
    const constructor = (await run('cast', 'abi-encode', 'constructor(uint256)', supply.toString())).slice(2);
    const deployed = await send('--create', Token.bytecode + constructor);
    const token = deployed.contractAddress;
    assert.equal(deployed.status, '0x1');
    const balance = async (owner) =>
      BigInt((await cast('call', token, 'balanceOf(address)(uint256)', owner)).split(' ')[0]);
    assert.equal(await balance(addresses[0]), supply);

    await send(token, 'transfer(address,uint256)', addresses[1], '1000');
    assert.equal(await balance(addresses[1]), 1000n);
    await send(token, 'approve(address,uint256)', addresses[1], '500');
    const moved = JSON.parse(
      await cast(
        'send', '--json', '--private-key', keys[1], token,
        'transferFrom(address,address,uint256)', addresses[0], addresses[2], '300',
      ),
    );
    assert.equal(moved.status, '0x1');
    assert.equal(await balance(addresses[2]), 300n);

    const logs = JSON.parse(
      await cast('logs', '--json', '--address', token, '--from-block', '0', 'Transfer(address,address,uint256)'),
    );
    assert.deepEqual(logs.map((log) => BigInt(log.data)), [supply, 1000n, 300n]);
    assert.notEqual(await cast('code', token), '0x');
  });

  it('shows why a call reverts', async () => {
    const { contractAddress } = await send('--create', Probe.bytecode);
    await assert.rejects(cast('call', contractAddress, 'failWithReason()'), /the harbour is closed/);
    await assert.rejects(send(contractAddress, 'failWithReason()'), /the harbour is closed/);
  });

  it('counts blocks and nonces', async () => {
    const before = Number(await cast('block-number'));
    const nonce = Number(await cast('nonce', addresses[0]));
    await send(addresses[1], '--value', '1');
    assert.equal(Number(await cast('nonce', addresses[0])), nonce + 1);
    assert.equal(Number(await cast('block-number')), before + 1);
  });
});
