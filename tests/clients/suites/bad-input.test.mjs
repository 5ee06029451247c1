// What people and programs send by mistake, or on purpose.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Wallet } from 'ethers';

import { addresses, chainId, keys, rpc, startNode } from '../lib/node.mjs';

describe('bad input', () => {
  let node;
  const wallet = new Wallet(keys[0]);
  const transaction = {
    type: 2, chainId, nonce: 0, to: addresses[1], value: 1n,
    gasLimit: 10_000_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n,
  };
  const raw = async (changes) =>
    rpc(node.url, 'eth_sendRawTransaction', [await wallet.signTransaction({ ...transaction, ...changes })]);
  const post = (body, headers = { 'content-type': 'application/json' }) =>
    fetch(node.url, { method: 'POST', headers, body });

  before(async () => {
    node = await startNode();
  });
  after(() => node?.stop());

  it('answers malformed JSON with a parse error', async () => {
    const { error } = await (await post('{"jsonrpc":')).json();
    assert.equal(error.code, -32700);
  });

  it('answers unknown methods with -32601 and HTTP 200', async () => {
    const response = await post(JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'eth_fillTransaction', params: [] }));
    assert.equal(response.status, 200);
    const { id, error } = await response.json();
    assert.deepEqual([id, error.code], [7, -32601]);
  });

  it('refuses a transaction for another chain', async () => {
    assert.match((await raw({ chainId: 1 })).error.message, /chain/i);
  });

  it('refuses a used nonce', async () => {
    assert.ok((await raw({})).result);
    assert.match((await raw({ value: 2n })).error.message, /nonce too low/i);
  });

  it('refuses what the sender cannot pay', async () => {
    const poor = new Wallet('0x' + '11'.repeat(32));
    const signed = await poor.signTransaction(transaction);
    assert.match((await rpc(node.url, 'eth_sendRawTransaction', [signed])).error.message, /insufficient funds|not enough funds/i);
  });

  it('refuses bytes that are no transaction', async () => {
    for (const bytes of ['0x', '0x02', '0xdeadbeef', 'zz', '0x02f8']) {
      assert.ok((await rpc(node.url, 'eth_sendRawTransaction', [bytes])).error, bytes);
    }
  });

  it('refuses an oversized body and keeps serving', async () => {
    const response = await post(`{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["${'a'.repeat(200 << 20)}"]}`).catch(() => null);
    if (response) assert.ok((await response.text()).length > 0);
    assert.equal(BigInt((await rpc(node.url, 'eth_chainId')).result), BigInt(chainId));
  });

  it('survives deep nesting', async () => {
    const response = await post(`{"jsonrpc":"2.0","id":1,"method":"eth_call","params":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    assert.ok((await response.json()).error);
    assert.equal(BigInt((await rpc(node.url, 'eth_chainId')).result), BigInt(chainId));
  });

  it('gives up calls that nobody waits for any more', { timeout: 240_000 }, async () => {
    const looping = '0x00000000000000000000000000000000000000aa';
    await rpc(node.url, 'anvil_setCode', [looping, '0x5b600056']);
    const call = { jsonrpc: '2.0', id: 1, method: 'eth_call', params: [{ to: looping }, 'latest'] };
    const begin = (signal) =>
      fetch(node.url, { method: 'POST', body: JSON.stringify(call), signal }).then((answer) => answer.json());
    assert.match((await begin()).error.message, /out of gas/);
    const begun = performance.now();
    await begin();
    const one = performance.now() - begun;

    const leaving = new AbortController();
    const calls = Array.from({ length: 100 }, () => begin(leaving.signal).catch(() => {}));
    // What runs nothing is answered meanwhile.
    assert.equal(BigInt((await rpc(node.url, 'eth_chainId')).result), BigInt(chainId));
    leaving.abort();
    await Promise.all(calls);
    const left = performance.now();
    await rpc(node.url, 'eth_call', [{ to: addresses[0] }, 'latest']);
    const waited = performance.now() - left;
    assert.ok(waited < 25 * one, `waited ${waited} ms, where one call takes ${one} ms`);
  });
});
