// synapse-core: its read paths, which go through multicall3 at its customary address.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import * as Chains from '@filoz/synapse-core/chains';
import * as ERC20 from '@filoz/synapse-core/erc20';
import * as Pay from '@filoz/synapse-core/pay';
import { createPublicClient, createWalletClient, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

import { addresses, chainId, keys, startNode } from '../lib/node.mjs';
import { compile } from '../lib/solidity.mjs';

const { Token } = compile('Token.sol');
const { Till } = compile('Till.sol');

describe('synapse-core', () => {
  let node, chain, client, wallet, token, till;

  before(async () => {
    node = await startNode();
    const transport = http(`${node.url}/rpc/v1`);
    const plain = { ...Chains.devnet, rpcUrls: { default: { http: [node.url] } } };
    wallet = createWalletClient({ account: privateKeyToAccount(keys[0]), chain: plain, transport });
    client = createPublicClient({ chain: plain, transport });
    const deploy = async ({ abi, bytecode }, args) => {
      const hash = await wallet.deployContract({ abi, bytecode, args });
      return (await client.waitForTransactionReceipt({ hash, pollingInterval: 20 })).contractAddress;
    };
    token = await deploy(Token, [10n ** 24n]);
    till = await deploy(Till, []);
    chain = {
      ...plain,
      contracts: {
        ...plain.contracts,
        multicall3: { address: '0xcA11bde05977b3631167028862bE2a173976CA11', blockCreated: 0 },
        usdfc: { ...plain.contracts.usdfc, address: token },
        filecoinPay: { ...plain.contracts.filecoinPay, address: till },
      },
    };
    client = createPublicClient({ chain, transport });
  });
  after(() => node?.stop());

  const done = (hash) => client.waitForTransactionReceipt({ hash, pollingInterval: 20 });

  it('its chain of a devnet is this one', () => {
    assert.equal(Chains.devnet.id, chainId);
    assert.equal(Chains.asChain(client.chain).id, chainId);
  });

  it('reads balance, symbol, decimals and allowance in one call', async () => {
    await done(await wallet.writeContract({
      address: token, abi: Token.abi, functionName: 'approve', args: [till, 12n],
    }));
    assert.deepEqual(await ERC20.balance(client, { address: addresses[0] }), {
      value: 10n ** 24n, decimals: 18, symbol: 'HBR', allowance: 12n,
    });
  });

  it('approves and waits', async () => {
    const signer = createWalletClient({ account: privateKeyToAccount(keys[0]), chain, transport: http(node.url) });
    const hash = await ERC20.approve(signer, { amount: 34n });
    assert.equal((await done(hash)).status, 'success');
    assert.equal((await ERC20.balance(client, { address: addresses[0] })).allowance, 34n);
  });

  it('reads an account of Filecoin Pay', async () => {
    await done(await wallet.writeContract({
      address: till, abi: Till.abi, functionName: 'put', args: [token, addresses[1], 1000n],
    }));
    const account = await Pay.accounts(client, { address: addresses[1] });
    assert.equal(account.funds, 1000n);
    assert.equal(account.lockupCurrent, 30n);
    assert.ok(account.availableFunds <= 970n && account.availableFunds >= 960n);
  });
});
