// web3.js: accounts, contracts, events, subscriptions, errors.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Web3 } from 'web3';

import { addresses, chainId, keys, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const { Token } = compile('Token.sol');

describe('web3.js', () => {
  let node, web3, token, account;

  before(async () => {
    node = await startNode();
    web3 = new Web3(node.url);
    account = web3.eth.accounts.wallet.add(keys[0])[0];
  });
  after(() => node?.stop());

  it('knows the node', async () => {
    assert.equal(await web3.eth.getChainId(), BigInt(chainId));
    assert.equal(await web3.eth.net.getId(), BigInt(chainId));
    assert.equal(await web3.eth.net.isListening(), true);
    assert.equal(await web3.eth.isSyncing(), false);
    assert.deepEqual((await web3.eth.getAccounts()).slice(0, 3), addresses);
    assert.equal(typeof (await web3.eth.getNodeInfo()), 'string');
    const history = await web3.eth.getFeeHistory(2, 'latest', [25, 75]);
    assert.ok(history.baseFeePerGas.length >= 1);
  });

  it('deploys, sends and reads', async () => {
    const contract = new web3.eth.Contract(Token.abi);
    token = await contract.deploy({ data: Token.bytecode, arguments: [1000] }).send({ from: account.address });
    const receipt = await token.methods.transfer(addresses[1], 7).send({ from: account.address });
    assert.equal(receipt.events.Transfer.returnValues.value, 7n);
    assert.equal(await token.methods.balanceOf(addresses[1]).call(), 7n);
    const events = await token.getPastEvents('Transfer', { filter: { to: addresses[1] }, fromBlock: 0 });
    assert.equal(events.length, 1);
    const { maxFeePerGas } = await web3.eth.calculateFeeData();
    assert.ok(maxFeePerGas > 0n);
  });

  it('signs by itself and by the node', async () => {
    const signed = await account.signTransaction({
      to: addresses[2], value: 5, gas: 10_000_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 10n ** 5n,
      nonce: await web3.eth.getTransactionCount(account.address), chainId,
    });
    const receipt = await web3.eth.sendSignedTransaction(signed.rawTransaction);
    assert.equal(receipt.status, 1n);
    const other = new Web3(node.url);
    const sent = await other.eth.sendTransaction({ from: addresses[1], to: addresses[2], value: 3 });
    assert.equal(sent.transactionHash.length, 66);
    const signature = await other.eth.sign('0x61', addresses[1]);
    assert.equal(
      other.eth.accounts.recover('a', typeof signature === 'string' ? signature : signature.signature), addresses[1],
    );
  });

  it('decodes the reason of a failure', async () => {
    const error = await token.methods.transfer(addresses[1], 10n ** 9n).call({ from: account.address })
      .then(() => assert.fail('it succeeded'), (error) => error);
    assert.equal(error.cause?.errorName ?? error.innerError?.errorName, 'InsufficientBalance');
  });

  it('subscribes to heads, logs and pending transactions', async () => {
    const live = new Web3(node.ws);
    const heads = await live.eth.subscribe('newHeads');
    const logs = await live.eth.subscribe('logs', { address: token.options.address });
    const pending = await live.eth.subscribe('pendingTransactions');
    const first = (subscription) => new Promise((resolve, reject) => {
      subscription.once('data', resolve);
      subscription.once('error', reject);
    });
    const waiting = Promise.all([first(heads), first(logs), first(pending)]);
    const { transactionHash } = await token.methods.transfer(addresses[1], 1).send({ from: account.address });
    const [head, log, hash] = await waiting;
    assert.equal(log.transactionHash, transactionHash);
    assert.equal(hash, transactionHash);
    assert.ok(BigInt(head.number) <= BigInt(log.blockNumber));
    await live.eth.clearSubscriptions();
    live.provider.disconnect();
  });
});
