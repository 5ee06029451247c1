#!/usr/bin/env node
// Gas estimates against what then executes at the same state, over transactions as people
// send them. Ends with an error when an estimate was too low.
//
//   node gas.mjs [rounds]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { encodeDeployData, encodeFunctionData } from 'viem';

import { addresses, rpc, root, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const require = createRequire(import.meta.url);
const rounds = Number(process.argv[2] ?? 8);
const node = await startNode();
const ask = async (method, ...params) => {
  const { result, error } = await rpc(node.url, method, params);
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
};
const [alice, bob, carol] = addresses;
const records = [];

/// Estimates in both dialects, sends with exactly the estimate, and notes what was used.
async function send(name, from, to, data = '0x', value = 0n) {
  const transaction = { from, ...(to ? { to } : {}), data, value: `0x${value.toString(16)}` };
  const snapshot = await ask('evm_snapshot');
  const estimate = Number(await ask('eth_estimateGas', transaction));
  const hash = await ask('eth_sendTransaction', { ...transaction, gas: `0x${estimate.toString(16)}` });
  const receipt = await ask('eth_getTransactionReceipt', hash);
  const used = Number(receipt.gasUsed);
  records.push({ name, dialect: 'eth_estimateGas', estimate, used, good: receipt.status === '0x1' });

  // The same message on the same state in Filecoin's dialect.
  const cid = await ask('Filecoin.EthGetMessageCidByTransactionHash', hash);
  const message = await ask('Filecoin.ChainGetMessage', cid);
  await ask('evm_revert', snapshot);
  const { CID: _, ...asked } = { ...message, GasLimit: 0, GasFeeCap: '0', GasPremium: '0', Nonce: 0 };
  const { GasLimit } = await ask('Filecoin.GasEstimateMessageGas', asked, null, null);
  const signed = await ask('Filecoin.MpoolPushMessage', { ...asked, GasLimit }, null);
  const lookup = await ask('Filecoin.StateSearchMsg', null, signed.CID, -1, true);
  records.push({
    name, dialect: 'GasEstimateMessageGas', estimate: GasLimit, used: lookup.Receipt.GasUsed,
    good: lookup.Receipt.ExitCode === 0,
  });
  return ask('Filecoin.EthGetTransactionHashByCid', signed.CID)
    .then((sent) => ask('eth_getTransactionReceipt', sent));
}

const deploy = async (name, { abi, bytecode }, args = []) =>
  (await send(`${name}, creation`, alice, null, encodeDeployData({ abi, bytecode, args }))).contractAddress;
const call = (name, from, to, { abi }, functionName, args = [], value) =>
  send(name, from, to, encodeFunctionData({ abi, functionName, args }), value);

try {
  const { Token } = compile('Token.sol');
  const { Probe } = compile('Probe.sol');
  const { Talker } = compile('Talker.sol');
  const solc = require('solc');
  const find = (path) => ({ contents: readFileSync(require.resolve(path), 'utf8') });
  const output = JSON.parse(solc.compile(JSON.stringify({
    language: 'Solidity',
    sources: Object.fromEntries(['Harbour.sol', 'Council.sol'].map((file) =>
      [file, { content: readFileSync(`${root}/hardhat2/contracts/${file}`, 'utf8') }])),
    settings: {
      optimizer: { enabled: true, runs: 200 }, evmVersion: 'cancun',
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  }), { import: find }));
  const contract = (file, name) => {
    const { abi, evm } = output.contracts[file][name];
    return { abi, bytecode: `0x${evm.bytecode.object}` };
  };
  const Share = contract('Harbour.sol', 'Share');
  const Berths = contract('Harbour.sol', 'Berths');
  const Council = contract('Council.sol', 'Council');

  const token = await deploy('plain ERC-20', Token, [10n ** 24n]);
  const probe = await deploy('probe', Probe);
  const talker = await deploy('console.log', Talker);
  const share = await deploy('OpenZeppelin ERC-20 with votes', Share, [10n ** 24n]);
  const berths = await deploy('OpenZeppelin ERC-721', Berths);
  await deploy('OpenZeppelin Governor', Council, [share]);
  const role = (await ask('eth_call', {
    to: berths, data: encodeFunctionData({ abi: Berths.abi, functionName: 'HARBOURMASTER' }),
  }, 'latest'));
  await call('AccessControl, grantRole', alice, berths, Berths, 'grantRole', [role, bob]);
  await call('votes, delegate', alice, share, Share, 'delegate', [alice]);
  for (let round = 0; round < rounds; round += 1) {
    const fresh = `0x${(0xb0a70000 + round).toString(16).padStart(40, '0')}`;
    await send('value to a new address', alice, fresh, '0x', 1n);
    await send('value to an account', bob, carol, '0x', 5n);
    await call('plain ERC-20, transfer', alice, token, Token, 'transfer', [fresh, 10n]);
    await call('plain ERC-20, transfer again', alice, token, Token, 'transfer', [bob, 10n]);
    await call('plain ERC-20, approve', alice, token, Token, 'approve', [bob, 100n]);
    await call('plain ERC-20, transferFrom', bob, token, Token, 'transferFrom', [alice, carol, 3n]);
    await call('ERC-20 with votes, transfer', alice, share, Share, 'transfer', [fresh, 10n]);
    await call('ERC-721, mint', bob, berths, Berths, 'give', [alice]);
    await call('ERC-721, transfer', alice, berths, Berths, 'transferFrom', [alice, carol, BigInt(round)]);
    await call('a creation inside a call', alice, probe, Probe, 'spawn');
    await call('console.log, talk', alice, talker, Talker, 'talk', ['berth', BigInt(round)]);
  }
} finally {
  await node.stop();
}

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
console.log('| estimate / used | transactions | too low | lowest | 10 % | median | 90 % | highest |');
console.log('|---|---|---|---|---|---|---|---|');
let low = 0;
for (const dialect of ['eth_estimateGas', 'GasEstimateMessageGas']) {
  const own = records.filter((record) => record.dialect === dialect);
  const ratios = own.map(({ estimate, used }) => estimate / used).sort((a, b) => a - b);
  const failed = own.filter(({ good, estimate, used }) => !good || estimate < used);
  for (const { name } of failed) console.error(`too low: ${name}, ${dialect}`);
  low += failed.length;
  const figures = [0, 0.1, 0.5, 0.9, 1].map((share) => quantile(ratios, share).toFixed(3));
  console.log(`| ${dialect} | ${own.length} | ${failed.length} | ${figures.join(' | ')} |`);
}
console.log('\n| transaction | gas used | eth_estimateGas / used | GasEstimateMessageGas / used |\n|---|---|---|---|');
for (const name of new Set(records.map((record) => record.name))) {
  const own = records.filter((record) => record.name === name);
  const of = (dialect) => own.filter((record) => record.dialect === dialect);
  const worst = (list) => Math.max(...list.map(({ estimate, used }) => estimate / used)).toFixed(3);
  const used = of('eth_estimateGas').map((record) => record.used).sort((a, b) => a - b);
  const gas = Math.round(quantile(used, 0.5)).toLocaleString('en').replaceAll(',', ' ');
  console.log(`| ${name} | ${gas} | ${worst(of('eth_estimateGas'))} | ${worst(of('GasEstimateMessageGas'))} |`);
}
process.exitCode = low > 0 ? 1 : 0;
