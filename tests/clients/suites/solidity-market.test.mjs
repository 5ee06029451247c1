// MarketAPI: a client's and a provider's money, deals from publication to activation.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { JsonRpcProvider, Wallet, parseEther, toBeHex } from 'ethers';

import { Filecoin, act, big, cbor, cidBytes, deploy, fil, idOf } from '../lib/filecoin.mjs';
import { keys, startNode } from '../lib/node.mjs';
import { HALF_YEAR, SECTOR_SIZE, createMiner, onboard, payer, somePiece } from '../lib/provider.mjs';
import { compile } from '../lib/solidity.mjs';

const { Market } = compile('filecoin/Market.sol');
const { Miner } = compile('filecoin/Miner.sol');
const { Power } = compile('filecoin/Power.sol');
/// The number of no deal.
const NO_DEAL = 4_711n;
const GET_DEAL_ACTIVATION = 2_567_238_399;

describe('the market from Solidity', () => {
  let node, provider, chain, market, stranger, marketAddress, miner, client;

  const addressOf = (contract) => chain.call('Filecoin.EthAddressToFilecoinAddress', contract.target);
  const balanceOf = async (address) => {
    const { Escrow, Locked } = await chain.call('Filecoin.StateMarketBalance', address, []);
    return [BigInt(Escrow), BigInt(Locked)];
  };

  before(async () => {
    node = await startNode('--proofs', 'accept');
    provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1 });
    provider.pollingInterval = 50;
    const wallet = new Wallet(keys[0], provider);
    chain = new Filecoin(node.url);
    market = await deploy(Market, wallet);
    stranger = await deploy(Market, wallet);
    const owner = await deploy(Miner, wallet);
    marketAddress = await addressOf(market);
    miner = await createMiner(chain, await deploy(Power, wallet), await addressOf(owner));
    // The contract publishes deals for the provider.
    const params = { new_worker: fil(miner.worker), new_control_addresses: [fil(marketAddress)] };
    assert.equal((await act(owner, 'changeWorkerAddress', miner.id, params)).exit, 0);
    client = await payer(chain, 1);
  });
  after(async () => {
    provider?.destroy();
    await node?.stop();
  });

  describe('balances', () => {
    it('are added to, for clients and providers', async () => {
      const value = parseEther('100');
      for (const whose of [client, miner.address, marketAddress]) {
        assert.equal((await act(market, 'addBalance', fil(whose), value, { value })).exit, 0);
        assert.deepEqual(await balanceOf(whose), [value, 0n]);
        const [exit, { balance, locked }] = await market.getBalance(fil(whose));
        assert.deepEqual([exit, big(balance), big(locked)], [0n, value, 0n]);
      }
    });

    it('are not added to without money, nor for nobody', async () => {
      assert.equal((await act(market, 'addBalance', fil(client), 0n)).exit, 16);
      const [exit] = await market.getBalance({ data: `0x040a${'17'.repeat(20)}` });
      assert.equal(exit, 16n);
    });

    it('are withdrawn by those they belong to', async () => {
      const balance = () => provider.getBalance(market.target);
      const before = await balance();
      const { exit, result } = await act(market, 'withdrawBalance', fil(marketAddress), parseEther('30'));
      assert.deepEqual([exit, result], [0, parseEther('30')]);
      assert.equal(await balance(), before + parseEther('30'));
      assert.deepEqual(await balanceOf(marketAddress), [parseEther('70'), 0n]);
    });

    it('are not withdrawn by others', async () => {
      assert.equal((await act(market, 'withdrawBalance', fil(client), 1n)).exit, 18);
      assert.deepEqual(await balanceOf(client), [parseEther('100'), 0n]);
    });
  });

  describe('a deal', () => {
    let proposal, deal;
    const price = 1_000n;

    const signed = async (proposal) => {
      const message = Buffer.from((await market.proposalBytes(proposal)).slice(2), 'hex');
      const { Type, Data } = await chain.call('Filecoin.WalletSign', client, message.toString('base64'));
      const signature = Buffer.concat([Buffer.from([Type]), Buffer.from(Data, 'base64')]);
      return { deals: [{ proposal, client_signature: signature }] };
    };
    const stored = () => chain.call('Filecoin.StateMarketStorageDeal', Number(deal), []);

    before(async () => {
      const start = (await chain.epoch()) + 2_000;
      // Without zeros in front: the actor encodes a proposal anew before it checks the signature.
      const amount = (value) => ({ val: toBeHex(value), neg: false });
      const piece = somePiece();
      proposal = {
        piece_cid: { data: cidBytes(piece) },
        piece_size: SECTOR_SIZE,
        verified_deal: false,
        client: fil(client),
        provider: fil(miner.address),
        label: { data: Buffer.from('mars.jpg'), isString: true },
        start_epoch: start,
        end_epoch: start + HALF_YEAR,
        storage_price_per_epoch: amount(price),
        provider_collateral: amount(parseEther('1')),
        client_collateral: amount(parseEther('2')),
      };
      proposal.piece = piece;
    });

    it('is not published for a provider by others, nor with a wrong signature', async () => {
      const params = await signed(proposal);
      assert.equal((await act(stranger, 'publishStorageDeals', params)).exit, 18);
      const forged = Buffer.from(params.deals[0].client_signature);
      forged[10] ^= 1;
      const wrong = { deals: [{ proposal, client_signature: forged }] };
      assert.equal((await act(market, 'publishStorageDeals', wrong)).exit, 16);
      assert.deepEqual(await chain.call('Filecoin.StateMarketDeals', []), {});
    });

    it('is published', async () => {
      const { exit, result } = await act(market, 'publishStorageDeals', await signed(proposal));
      assert.equal(exit, 0);
      assert.equal(result.ids.length, 1);
      deal = result.ids[0];
      const { Proposal, State } = await stored();
      assert.equal(Proposal.PieceCID['/'], proposal.piece);
      assert.equal(Proposal.EndEpoch, proposal.end_epoch);
      assert.equal(State.SectorStartEpoch, -1);
      assert.deepEqual(await balanceOf(miner.address), [parseEther('100'), parseEther('1')]);
      assert.deepEqual(await balanceOf(client), [parseEther('100'), parseEther('2') + price * BigInt(HALF_YEAR)]);
    });

    it('is not published twice', async () => {
      assert.equal((await act(market, 'publishStorageDeals', await signed(proposal))).exit, 16);
    });

    it('is told as the state has it', async () => {
      const { Proposal } = await stored();
      const get = async (name) => {
        const [exit, value] = await market[name](deal);
        assert.equal(exit, 0n, name);
        return value;
      };
      const commitment = await get('getDealDataCommitment');
      assert.equal(commitment.size, BigInt(Proposal.PieceSize));
      assert.equal(commitment.data, `0x00${cidBytes(Proposal.PieceCID['/']).toString('hex')}`);
      assert.equal(await get('getDealClient'), idOf(Proposal.Client));
      assert.equal(await get('getDealProvider'), idOf(Proposal.Provider));
      const label = await get('getDealLabel');
      assert.deepEqual([label.data, label.isString], [`0x${Buffer.from(Proposal.Label).toString('hex')}`, true]);
      const term = await get('getDealTerm');
      assert.deepEqual(
        [term.start, term.duration],
        [BigInt(Proposal.StartEpoch), BigInt(Proposal.EndEpoch - Proposal.StartEpoch)],
      );
      const total = BigInt(Proposal.StoragePricePerEpoch) * BigInt(Proposal.EndEpoch - Proposal.StartEpoch);
      assert.equal(big(await get('getDealTotalPrice')), total);
      assert.equal(big(await get('getDealClientCollateral')), BigInt(Proposal.ClientCollateral));
      assert.equal(big(await get('getDealProviderCollateral')), BigInt(Proposal.ProviderCollateral));
      assert.equal(await get('getDealVerified'), Proposal.VerifiedDeal);
    });

    // The package takes the -1 of "not yet" for 0: it drops the sign of every epoch it reads.
    const activation = async () => {
      const message = { From: client, To: 'f05', Method: GET_DEAL_ACTIVATION, Params: cbor(deal).toString('base64') };
      const { MsgRct } = await chain.call('Filecoin.StateCall', message, []);
      const [exit, { activated, terminated }] = await market.getDealActivation(deal);
      return { answer: Buffer.from(MsgRct.Return, 'base64'), package: [exit, activated, terminated] };
    };

    it('has no activation yet', async () => {
      assert.deepEqual(await activation(), { answer: cbor([-1, -1]), package: [0n, 0n, 0n] });
    });

    it('is activated with its sector', async () => {
      const notify = [{ address: 'f05', payload: cbor(deal) }];
      const expiration = proposal.end_epoch + 100_000;
      const { number, receipt } = await onboard(chain, miner, { piece: proposal.piece, expiration, notify });
      assert.equal(receipt.ExitCode, 0);
      const { State } = await stored();
      assert.equal(State.SectorNumber, number);
      const start = State.SectorStartEpoch;
      assert.deepEqual(await activation(), { answer: cbor([start, -1]), package: [0n, BigInt(start), 0n] });
    });

    it('is unknown by another number', async () => {
      const getters = ['getDealDataCommitment', 'getDealClient', 'getDealProvider', 'getDealLabel', 'getDealTerm'];
      getters.push('getDealTotalPrice', 'getDealClientCollateral', 'getDealProviderCollateral', 'getDealVerified');
      getters.push('getDealActivation');
      for (const name of getters) assert.equal((await market[name](NO_DEAL))[0], 17n, name);
    });
  });
});
