// A wallet of Filecoin: its own f1 and f3 keys, messages signed outside of the node.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Message } from 'iso-filecoin/message';
import { RPC } from 'iso-filecoin/rpc';
import * as Wallet from 'iso-filecoin/wallet';

import { addresses, mnemonic, rpc, startNode } from '../lib/node.mjs';

const network = 'testnet';

describe('a Filecoin wallet', () => {
  let node, chain;
  const good = async (promise) => {
    const { result, error } = await promise;
    assert.equal(error, undefined, error?.message);
    return result;
  };
  const ask = (method, ...params) => good(rpc(node.url, method, params));
  const send = async (account, fields) => {
    const message = await new Message({ from: account.address.toString(), ...fields }).prepare(chain);
    const signature = Wallet.signMessage(account.privateKey, account.type, message);
    const cid = await good(chain.pushMessage({ msg: message, signature }));
    const lookup = await good(chain.waitMsg({ cid, confidence: 0 }));
    return { message, signature, cid, lookup };
  };

  before(async () => {
    node = await startNode();
    chain = new RPC({ api: `${node.url}/rpc/v1`, network });
  });
  after(() => node?.stop());

  it('recognises the network', async () => {
    assert.match((await good(chain.version())).Version, /\S/);
    assert.equal(typeof (await good(chain.networkName())), 'string');
    assert.ok((await good(chain.chainHead())).Height >= 0);
  });

  it('sends from an f1 account of the phrase', async () => {
    const account = Wallet.accountFromMnemonic(mnemonic, 'SECP256K1', "m/44'/60'/0'/0/0", '', network);
    const to = Wallet.create('SECP256K1', network).address.toString();
    const { message, cid, lookup } = await send(account, { to, value: '1000000000000000000' });
    assert.equal(lookup.Receipt.ExitCode, 0);
    assert.equal(lookup.Message['/'], cid['/']);
    assert.equal(await good(chain.balance(to)), '1000000000000000000');
    assert.equal((await good(chain.nonce(account.address.toString()))), message.nonce + 1);
    assert.ok(lookup.Receipt.GasUsed <= message.gasLimit);
  });

  it('sends from a BLS account', async () => {
    const rich = Wallet.accountFromMnemonic(mnemonic, 'SECP256K1', "m/44'/60'/0'/0/0", '', network);
    const account = Wallet.create('BLS', network);
    const address = account.address.toString();
    assert.match(address, /^t3/);
    await send(rich, { to: address, value: '5000000000000000000' });
    const id = await good(chain.stateLookupID({ address }));
    assert.equal(await good(chain.stateAccountKey({ address: id })), address);
    const { cid, message, signature } = await send(account, { to: 't099', value: '1' });
    // On the chain it is without a signature of its own.
    assert.deepEqual(await ask('Filecoin.ChainGetMessage', cid).then(({ From, Nonce }) => [From, Nonce]), [address, 0]);
    const again = await chain.pushMessage({ msg: message, signature });
    assert.match(again.error.message, /nonce/i);
  });

  it('is refused when the signature is another\'s', async () => {
    for (const type of ['SECP256K1', 'BLS']) {
      const rich = Wallet.accountFromMnemonic(mnemonic, 'SECP256K1', "m/44'/60'/0'/0/0", '', network);
      const account = Wallet.create(type, network);
      await send(rich, { to: account.address.toString(), value: '1000000000000000000' });
      const message = await new Message({ from: account.address.toString(), to: 't099', value: '1' }).prepare(chain);
      const signature = Wallet.signMessage(Wallet.create(type, network).privateKey, type, message);
      const { error } = await chain.pushMessage({ msg: message, signature });
      assert.match(error.message, /signature/i);
    }
  });

  it('signs what the node verifies, and the other way round', async () => {
    for (const type of ['SECP256K1', 'BLS']) {
      const account = Wallet.create(type, network);
      const data = Buffer.from('a berth for a ship');
      const own = Wallet.sign(account.privateKey, type, data);
      const address = account.address.toString();
      assert.equal(await ask('Filecoin.WalletVerify', address, data.toString('base64'), own.toLotus()), true);
      const secret = type === 'BLS' ? Buffer.from(account.privateKey).reverse() : Buffer.from(account.privateKey);
      const info = { Type: type.toLowerCase(), PrivateKey: secret.toString('base64') };
      assert.equal(await ask('Filecoin.WalletImport', info), address);
      const theirs = await ask('Filecoin.WalletSign', address, data.toString('base64'));
      assert.deepEqual(theirs, own.toLotus());
    }
  });

  it('finds the address of an account of Ethereum', async () => {
    const filecoin = await ask('Filecoin.EthAddressToFilecoinAddress', addresses[1]);
    const back = await good(chain.filecoinAddressToEthAddress({ address: filecoin, blockNumber: 'latest' }));
    assert.equal(back.toLowerCase(), addresses[1].toLowerCase());
  });
});
