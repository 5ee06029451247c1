#!/usr/bin/env node
// The same load on Boatyard and on anvil, one after the other; a table with ratios.
//
//   node load.mjs [--full] [--only boatyard|anvil]
//
// Without --full it takes a minute or two: shorter chains, fewer transactions.
import { cpus, loadavg } from 'node:os';

import { encodeFunctionData } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';

import { chainId, mnemonic } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';
import { start } from './server.mjs';

const full = process.argv.includes('--full');
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : null;
const sizes = full
  ? { starts: 10, seconds: 5, sends: 2000, short: 100, long: 50_000, transactions: 100_000, samples: 100, span: 10_000 }
  : { starts: 5, seconds: 2, sends: 300, short: 100, long: 2_000, transactions: 2_000, samples: 30, span: 1_000 };
const CONNECTIONS = 16;

const { Token } = compile('Token.sol');
const accounts = Array.from({ length: CONNECTIONS }, (_, addressIndex) => mnemonicToAccount(mnemonic, { addressIndex }));
const somebody = '0x00000000000000000000000000000000b0a7b0a7';
const hex = (number) => `0x${number.toString(16)}`;
const grouped = (number) => number.toLocaleString('en').replaceAll(',', ' ');
const note = (text) => process.stderr.write(`${text}\n`);

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const timed = async (act) => {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
};
/// Median of the ms that `act` takes.
const sample = async (act, times = sizes.samples) => {
  await act(0);
  const took = [];
  for (let index = 1; index <= times; index += 1) took.push(await timed(() => act(index)));
  return median(took);
};
/// How often a second `act` is done by so many at once.
const rate = async (connections, act) => {
  await act();
  let count = 0;
  const begun = performance.now();
  const end = begun + sizes.seconds * 1000;
  await Promise.all(Array.from({ length: connections }, async () => {
    while (performance.now() < end) {
      await act();
      count += 1;
    }
  }));
  return (count * 1000) / (performance.now() - begun);
};

/// Waits for the receipt as clients do, only without a pause.
async function receipt(client, hash) {
  for (let tries = 0; tries < 1000; tries += 1) {
    const found = await client.call('eth_getTransactionReceipt', hash);
    if (found) {
      if (found.status !== '0x1') throw new Error(`${hash} failed`);
      return found;
    }
  }
  throw new Error(`${hash} got no receipt`);
}

/// Signed transfers of value from an account, as many as asked.
async function transfers(client, account, many) {
  const nonce = Number(await client.call('eth_getTransactionCount', account.address, 'latest'));
  const gas = BigInt(await client.call('eth_estimateGas', { from: account.address, to: somebody, value: '0x1' }));
  const signed = [];
  for (let index = 0; index < many; index += 1) {
    signed.push(await account.signTransaction({
      type: 'eip1559', chainId, nonce: nonce + index, to: somebody, value: 1n, gas: gas + gas / 4n,
      maxFeePerGas: 3n * 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n,
    }));
  }
  return signed;
}

async function deploy(client) {
  const data = `${Token.bytecode}${'0'.repeat(24)}ffffffffffffffffffffffffffffffffffffffff`;
  const hash = await client.call('eth_sendTransaction', { from: accounts[0].address, data });
  return (await receipt(client, hash)).contractAddress;
}

/// What single requests take on a chain of this length.
async function requests(client, token, old) {
  const balanceOf = { to: token, data: encodeFunctionData({ abi: Token.abi, functionName: 'balanceOf', args: [somebody] }) };
  const transfer = {
    from: accounts[0].address, to: token,
    data: encodeFunctionData({ abi: Token.abi, functionName: 'transfer', args: [somebody, 1n] }),
  };
  const newest = Number(await client.call('eth_blockNumber'));
  const signed = await transfers(client, accounts[1], sizes.samples + 1);
  const each = {
    'eth_blockNumber': () => client.call('eth_blockNumber'),
    'eth_getBalance': () => client.call('eth_getBalance', somebody, 'latest'),
    'eth_getBalance, 50 blocks ago': () => client.call('eth_getBalance', somebody, hex(newest - 50)),
    'eth_getTransactionCount, pending': () => client.call('eth_getTransactionCount', accounts[0].address, 'pending'),
    'eth_call': () => client.call('eth_call', balanceOf, 'latest'),
    'eth_estimateGas': () => client.call('eth_estimateGas', transfer),
    'eth_getBlockByNumber, latest': () => client.call('eth_getBlockByNumber', 'latest', false),
    'eth_getBlockByNumber, an old one': () => client.call('eth_getBlockByNumber', hex(3), true),
    'eth_getTransactionReceipt, an old one': () => client.call('eth_getTransactionReceipt', old),
    'eth_getTransactionByHash, unknown': () => client.call('eth_getTransactionByHash', `0x${'ab'.repeat(32)}`),
    'eth_getLogs, the last 50 blocks': () =>
      client.call('eth_getLogs', { address: token, fromBlock: hex(newest - 50), toBlock: 'latest' }),
    'eth_feeHistory of 10': () => client.call('eth_feeHistory', '0xa', 'latest', [25, 75]),
    'evm_mine': () => client.call('evm_mine'),
    'evm_snapshot and evm_revert': async () => client.call('evm_revert', await client.call('evm_snapshot')),
    'send, receipt': async (index) => receipt(client, await client.call('eth_sendRawTransaction', signed[index])),
  };
  const took = {};
  for (const [name, act] of Object.entries(each)) took[name] = await sample(act);
  return took;
}

async function measure(kind) {
  const rows = new Map();
  const put = (name, unit, value) => {
    rows.set(name, { unit, value });
    note(`  ${name}: ${value.toPrecision(3)} ${unit}`);
  };
  note(kind);

  const starts = [];
  for (let index = 0; index < sizes.starts; index += 1) {
    const node = await start(kind);
    starts.push(node.answered);
    await node.stop();
  }
  put('start to first answer', 'ms', median(starts));

  const node = await start(kind);
  const { client } = node;
  try {
    let token;
    put('then to the receipt of a first contract', 'ms', await timed(async () => (token = await deploy(client))));
    const old = await client.call('eth_sendTransaction', { from: accounts[2].address, to: somebody, value: '0x1' });
    await receipt(client, old);
    await node.settle();
    put('memory at the beginning', 'MiB', node.memory());

    const balanceOf = { to: token, data: encodeFunctionData({ abi: Token.abi, functionName: 'balanceOf', args: [somebody] }) };
    const read = () => client.call('eth_call', balanceOf, 'latest');
    put('eth_call, 1 connection', '/s', await rate(1, read));
    put(`eth_call, ${CONNECTIONS} connections`, '/s', await rate(CONNECTIONS, read));

    const serial = await transfers(client, accounts[3], sizes.sends);
    let cpu = node.cpu();
    put('send, receipt; serial', '/s', (1000 * serial.length) / await timed(async () => {
      for (const raw of serial) await receipt(client, await client.call('eth_sendRawTransaction', raw));
    }));
    put('processor time of each', 'ms', (node.cpu() - cpu) / serial.length);
    const each = Math.ceil(sizes.sends / CONNECTIONS);
    const parallel = await Promise.all(accounts.map((account) => transfers(client, account, each)));
    put(`send, receipt; ${CONNECTIONS} connections`, '/s', (1000 * each * CONNECTIONS) / await timed(() =>
      Promise.all(parallel.map(async (list) => {
        for (const raw of list) await receipt(client, await client.call('eth_sendRawTransaction', raw));
      }))));

    put('mine(1)', 'ms', await sample(() => client.call('anvil_mine', '0x1')));
    for (const many of full ? [1_000, 10_000] : [1_000]) {
      cpu = node.cpu();
      put(`mine(${grouped(many)})`, 'ms', await timed(() => client.call('anvil_mine', hex(many))));
      put(`processor time of a block of mine(${grouped(many)})`, 'ms', (node.cpu() - cpu) / many);
    }

    // A hundred transfers, spread.
    const transfer = {
      from: accounts[0].address, to: token,
      data: encodeFunctionData({ abi: Token.abi, functionName: 'transfer', args: [somebody, 1n] }),
    };
    const from = Number(await client.call('eth_blockNumber')) + 1;
    for (let index = 0; index < 100; index += 1) {
      await receipt(client, await client.call('eth_sendTransaction', transfer));
      await client.call('anvil_mine', hex(sizes.span / 100 - 1));
    }
    const range = { fromBlock: hex(from), toBlock: hex(from + sizes.span - 1) };
    const find = async (filter, many) => {
      const { length } = await client.call('eth_getLogs', { ...range, ...filter });
      if (length !== many) throw new Error(`${length} logs instead of ${many}`);
    };
    put(`getLogs of ${grouped(sizes.span)} blocks, 100 found`, 'ms', await sample(() => find({ address: token }, 100), 20));
    put(`getLogs of ${grouped(sizes.span)} blocks, none found`, 'ms', await sample(() => find({ address: somebody }, 0), 20));

    put('snapshot and revert, nothing between', 'ms', await sample(async () =>
      client.call('evm_revert', await client.call('evm_snapshot')), 20));
    const reverts = [];
    for (let index = 0; index < 10; index += 1) {
      const id = await client.call('evm_snapshot');
      await client.call('anvil_mine', hex(100));
      reverts.push(await timed(() => client.call('evm_revert', id)));
    }
    put('revert of 100 blocks', 'ms', median(reverts));
  } finally {
    await node.stop();
  }

  // Memory: transfers by accounts that the node signs for.
  const filled = await start(kind);
  try {
    await filled.settle();
    const before = filled.memory();
    const share = Math.ceil(sizes.transactions / CONNECTIONS);
    const took = await timed(() => Promise.all(accounts.map(async ({ address }) => {
      for (let index = 0; index < share; index += 1) {
        await filled.client.call('eth_sendTransaction', { from: address, to: somebody, value: '0x1' });
      }
    })));
    put(`memory after ${grouped(sizes.transactions)} transactions`, 'MiB', filled.memory());
    put('memory for each of them', 'KiB', ((filled.memory() - before) * 1024) / sizes.transactions);
    put(`sent by the node's accounts, ${CONNECTIONS} connections`, '/s', (1000 * sizes.transactions) / took);
  } finally {
    await filled.stop();
  }

  // Requests on a short and on a long chain.
  const aged = await start(kind);
  const lengths = [];
  try {
    const token = await deploy(aged.client);
    const old = await aged.client.call('eth_sendTransaction', { from: accounts[2].address, to: somebody, value: '0x1' });
    await aged.settle();
    for (const length of [sizes.short, sizes.long]) {
      const now = Number(await aged.client.call('eth_blockNumber'));
      if (length > now) await aged.client.call('anvil_mine', hex(length - now));
      note(`  requests on ${length} blocks`);
      lengths.push(await requests(aged.client, token, old));
    }
  } finally {
    await aged.stop();
  }
  return { rows, lengths };
}

const figure = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const results = {};
for (const kind of ['boatyard', 'anvil']) if (!only || only === kind) results[kind] = await measure(kind);

const shown = Object.keys(results);
const load = loadavg()[0].toFixed(1);
console.log(`${cpus().length} cores, load at the end ${load}${full ? '' : '; short run'}\n`);
console.log(`| measure | ${shown.join(' | ')} | ${shown.length > 1 ? 'ratio | ' : ''}`.trim());
console.log(`|---|${shown.map(() => '---|').join('')}${shown.length > 1 ? '---|' : ''}`);
for (const [name, { unit }] of results[shown[0]].rows) {
  const values = shown.map((kind) => results[kind].rows.get(name).value);
  const cells = values.map((value) => `${figure(value)} ${unit}`);
  if (values.length > 1) cells.push(figure(values[0] / values[1]));
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
const long = grouped(sizes.long);
const heads = shown.map((kind) => `${kind}, ${sizes.short} blocks | ${kind}, ${long} blocks | growth`);
console.log(`\n| request (median, ms) | ${heads.join(' | ')} |`);
console.log(`|---|${shown.map(() => '---|---|---|').join('')}`);
for (const name of Object.keys(results[shown[0]].lengths[0])) {
  const cells = shown.flatMap((kind) => {
    const [short, long] = results[kind].lengths.map((took) => took[name]);
    return [short.toFixed(2), long.toFixed(2), (long / short).toFixed(2)];
  });
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
