// AccountAPI, SendAPI and the precompiles of filecoin-solidity-api.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { JsonRpcProvider, Wallet, parseEther } from 'ethers';

import { Filecoin, act, addressBytes, cbor, deploy, fil, idOf } from '../lib/filecoin.mjs';
import { addresses, keys, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const { Basics } = compile('filecoin/Basics.sol');
const RESOLVE = '0xfe00000000000000000000000000000000000001';
const LOOKUP = '0xfe00000000000000000000000000000000000002';
const ACTOR_TYPE = '0xfe00000000000000000000000000000000000004';
const CBOR = 0x51;
/// An actor that does not exist.
const NOBODY = 999_999n;

describe('accounts, sends and precompiles from Solidity', () => {
  let node, provider, chain, basics, account, delegated;

  before(async () => {
    node = await startNode();
    provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1 });
    provider.pollingInterval = 50;
    const wallet = new Wallet(keys[0], provider);
    chain = new Filecoin(node.url);
    basics = await deploy(Basics, wallet);
    await (await wallet.sendTransaction({ to: basics.target, value: parseEther('10') })).wait();
    const [first] = await chain.call('boatyard_accounts');
    account = { key: first.secp256k1, id: idOf(await chain.id(first.secp256k1)) };
    delegated = { address: first.delegated, id: idOf(await chain.id(first.delegated)) };
  });
  after(async () => {
    provider?.destroy();
    await node?.stop();
  });

  const contractAddress = () => chain.call('Filecoin.EthAddressToFilecoinAddress', basics.target);
  const balance = async (address) => BigInt((await chain.call('Filecoin.StateGetActor', address, [])).Balance);

  describe('AccountAPI', () => {
    it('accepts the signature of the account', async () => {
      const message = Buffer.from('a deal is a deal');
      const { Type, Data } = await chain.call('Filecoin.WalletSign', account.key, message.toString('base64'));
      const signature = Buffer.from(Data, 'base64');
      assert.equal(Type, 1);
      assert.equal(await basics.authenticateMessage(account.id, signature, message), 0n);
    });

    it('does not accept it for another message', async () => {
      const message = Buffer.from('a deal is a deal');
      const { Data } = await chain.call('Filecoin.WalletSign', account.key, message.toString('base64'));
      const signature = Buffer.from(Data, 'base64');
      // The package reads the answer before the exit code, and reverts where there is none.
      await assert.rejects(basics.authenticateMessage(account.id, signature, Buffer.from('no deal')));
      const [exit] = await basics.callByIdReadOnly(
        account.id,
        2643134072,
        CBOR,
        cbor([signature, Buffer.from('no deal')]),
      );
      assert.equal(exit, 16n);
    });
  });

  describe('SendAPI', () => {
    it('sends to an actor by ID', async () => {
      const before = await balance(account.key);
      const { exit } = await act(basics, 'sendToId', account.id, 7n);
      assert.equal(exit, 0);
      assert.equal(await balance(account.key), before + 7n);
    });

    it('sends to an address, which makes the actor', async () => {
      const fresh = await chain.call('Filecoin.WalletNew', 'secp256k1');
      const { exit } = await act(basics, 'sendToAddress', fil(fresh), 11n);
      assert.equal(exit, 0);
      assert.equal(await balance(fresh), 11n);
    });

    it('fails where nobody is', async () => {
      const before = await balance(await contractAddress());
      const { exit } = await act(basics, 'sendToId', NOBODY, 7n);
      assert.equal(exit, -6);
      const toAddress = await act(basics, 'sendToAddress', fil(`f0${NOBODY}`), 7n);
      assert.equal(toAddress.exit, -6);
      assert.equal(await balance(await contractAddress()), before);
    });

    it('does not begin what the contract cannot pay', async () => {
      await assert.rejects(basics.sendToId.staticCall(account.id, parseEther('1000')), /NotEnoughBalance/);
      await assert.rejects(basics.sendToAddress.staticCall(fil(account.key), parseEther('1000')), /NotEnoughBalance/);
    });
  });

  describe('precompiles', () => {
    it('resolve an address to an ID', async () => {
      assert.equal(await basics.resolveAddress(fil(account.key)), account.id);
      assert.equal(await basics.resolveAddress(fil(delegated.address)), delegated.id);
      assert.equal(await basics.resolveAddress(fil('f05')), 5n);
      assert.equal(await basics.resolveEthAddress(addresses[0]), delegated.id);
    });

    it('do not resolve what nobody has, or what is no address', async () => {
      const nobody = '0x00000000000000000000000000000000deadbeef';
      await assert.rejects(basics.resolveEthAddress(nobody));
      const unknown = Buffer.concat([Buffer.from([4, 10]), Buffer.from(nobody.slice(2), 'hex')]);
      assert.deepEqual([...(await basics.precompile(RESOLVE, unknown))], [true, '0x']);
      await assert.rejects(basics.resolveAddress({ data: '0x0901' }), /FailToCallActor/);
      assert.deepEqual([...(await basics.precompile(RESOLVE, '0x0901'))], [false, '0x']);
    });

    it('look up the delegated address of an ID', async () => {
      const bytes = `0x${addressBytes(delegated.address).toString('hex')}`;
      assert.equal(await basics.lookupDelegatedAddress(delegated.id), bytes);
    });

    it('find no delegated address of others', async () => {
      assert.equal(await basics.lookupDelegatedAddress(account.id), '0x');
      assert.equal(await basics.lookupDelegatedAddress(NOBODY), '0x');
      assert.deepEqual([...(await basics.precompile(LOOKUP, `0x${'ff'.repeat(32)}`))], [false, '0x']);
    });

    it('no longer tell the type of an actor', async () => {
      const word = `0x${account.id.toString(16).padStart(64, '0')}`;
      assert.deepEqual([...(await basics.precompile(ACTOR_TYPE, word))], [true, '0x']);
    });

    it('call an actor by ID and by address', async () => {
      const byId = await act(basics, 'callById', 7n, 48890204, 0, '0x', 0n);
      assert.equal(byId.exit, 0);
      assert.equal(byId.result, `0x${cbor('DataCap').toString('hex')}`);
      const byAddress = await act(basics, 'callByAddress', fil('f07').data, 2061153854, 0, '0x', 0n);
      assert.equal(byAddress.exit, 0);
      assert.equal(byAddress.result, `0x${cbor('DCAP').toString('hex')}`);
    });

    it('tell how a call of an actor failed', async () => {
      assert.equal((await act(basics, 'callById', 7n, 4_000_000_000n, 0, '0x', 0n)).exit, 22);
      assert.equal((await act(basics, 'callByAddress', fil('f07').data, 4_000_000_000n, 0, '0x', 0n)).exit, 22);
      assert.equal((await act(basics, 'callById', NOBODY, 48890204, 0, '0x', 0n)).exit, -6);
    });

    it('refuse internal methods, unknown codecs and calls that are no delegate calls', async () => {
      await assert.rejects(basics.callById.staticCall(5n, 2, CBOR, cbor(addressBytes('f05')), 0n), /FailToCallActor/);
      await assert.rejects(basics.callById.staticCall(7n, 48890204, 0x55, '0x', 0n), /FailToCallActor/);
      await assert.rejects(basics.callByAddress.staticCall('0x0901', 48890204, 0, '0x', 0n), /FailToCallActor/);
      const direct = await basics.precompile('0xfe00000000000000000000000000000000000005', '0x');
      assert.deepEqual([...direct], [false, '0x']);
    });
  });
});
