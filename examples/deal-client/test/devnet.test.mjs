// The life of a contract's deal on a devnet: proposed, published by a provider, proven.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';

import { Contract, ContractFactory, JsonRpcProvider, NonceManager, Wallet, parseEther } from 'ethers';

import { cbor, idAddress } from '../../lib/cbor.mjs';
import { DAY, Devnet, HALF_YEAR, keys, url } from '../../lib/devnet.mjs';
import { pieceOf } from '../../lib/piece.mjs';

const { abi, bytecode } = JSON.parse(readFileSync(new URL('../out/DealClient.sol/DealClient.json', import.meta.url)));
const [PROPOSED, , CANCELLED, PUBLISHED, ACTIVE] = [1n, 2n, 3n, 4n, 5n];
const ADD_BALANCE = 2;
const PUBLISH = 4;
const NO_DEAL_IS_VALID = 16;

describe('a contract that stores files', () => {
  const devnet = new Devnet(url);
  let ethers, sp, client, stranger, pricePerEpoch;

  /// Terms that the provider accepts, for a new file unless one is given.
  const terms = async (piece, changes = {}) => {
    const startEpoch = (await devnet.epoch()) + 2 * DAY;
    return {
      pieceCid: piece.cidBytes,
      pieceSize: piece.size,
      provider: 0,
      label: 'mars.jpg',
      startEpoch,
      endEpoch: startEpoch + HALF_YEAR,
      pricePerEpoch,
      providerCollateral: 10n ** 12n,
      clientCollateral: 10n ** 9n,
      ...changes,
    };
  };
  const newPiece = () => pieceOf(randomBytes(1_900));
  /// Proposes and gives the proposal's ID.
  const propose = async (wanted, location = '', carSize = 0) => {
    const extra = { location_ref: location, car_size: carSize, skip_ipni_announce: true, remove_unsealed_copy: false };
    const receipt = await (await client.propose(wanted, extra, { value: parseEther('1') })).wait();
    const log = receipt.logs.map((log) => client.interface.parseLog(log)).find((log) => log?.name === 'DealProposalCreate');
    assert.deepEqual([...log.args].slice(1), [BigInt(wanted.pieceSize), false, wanted.pricePerEpoch]);
    return log.args.id;
  };
  /// What a provider sends to the market for a proposal; the signature is any three bytes.
  const publish = async (proposal) => {
    const params = cbor([[[{ encoded: proposal }, Buffer.from('02c0ffee', 'hex')]]]);
    return (await devnet.sendAs(sp.worker, 'f05', PUBLISH, params)).ExitCode;
  };

  before(async () => {
    ethers = new JsonRpcProvider(url, undefined, { cacheTimeout: -1 });
    ethers.pollingInterval = 50;
    sp = await devnet.provider();
    const { ask } = await sp.request('GET', '/');
    // A GiB for an epoch costs what the provider asks for; a piece its part of it, rounded up.
    pricePerEpoch = (BigInt(ask.price_per_gib_epoch) * 2_048n) / (1n << 30n) + 1n;
    const owner = new NonceManager(new Wallet(keys[0], ethers));
    const deployed = await (await new ContractFactory(abi, bytecode, owner).deploy()).waitForDeployment();
    client = new Contract(await deployed.getAddress(), abi, owner);
    stranger = client.connect(new NonceManager(new Wallet(keys[1], ethers)));
  });
  after(() => ethers?.destroy());

  /// Waits until a proposal is an active deal, and compares the contract's view with the chain's.
  const becomesActive = async (id, wanted, piece) => {
    await devnet.until('an active deal', async () => (await client.status(id)) === ACTIVE);
    const { dealId, provider } = await client.proposal(id);
    assert.equal(provider, sp.id);
    const { Proposal, State } = await devnet.call('Filecoin.StateMarketStorageDeal', Number(dealId), []);
    assert.equal(Proposal.PieceCID['/'], piece.cid);
    assert.equal(BigInt(Proposal.StoragePricePerEpoch), wanted.pricePerEpoch);
    assert.equal(Proposal.EndEpoch, wanted.endEpoch);
    assert.ok(State.SectorStartEpoch > 0 && State.SectorStartEpoch <= wanted.startEpoch);
    const order = await sp.request('GET', `/deals/${dealId}`);
    assert.deepEqual([order.origin, order.piece_cid, order.state], ['contract', piece.cid, 'active']);
    return dealId;
  };

  it('finds a provider for its proposal, who stores the data it was given', { timeout: 300_000 }, async () => {
    const piece = newPiece();
    await sp.put(piece);
    const wanted = await terms(piece);
    const id = await propose(wanted);
    await becomesActive(id, wanted, piece);
    const [, locked] = await client.escrow();
    assert.ok(locked >= wanted.pricePerEpoch * BigInt(HALF_YEAR) + wanted.clientCollateral);
  });

  it('says where the data is, and the provider fetches it', { timeout: 300_000 }, async () => {
    const piece = newPiece();
    const server = createServer((_, response) => response.end(piece.bytes));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const wanted = await terms(piece, { provider: sp.id });
      const location = `http://127.0.0.1:${server.address().port}/mars.car`;
      await becomesActive(await propose(wanted, location, piece.bytes.length), wanted, piece);
    } finally {
      server.close();
    }
  });

  it('lets nobody publish another proposal, or the same one twice', { timeout: 120_000 }, async () => {
    // The provider has no data for this one, so that it stays away from it.
    const wanted = await terms(newPiece(), { provider: sp.id });
    const id = await propose(wanted);
    const proposal = Buffer.from((await client.getDealProposal(id)).slice(2), 'hex');
    const collateral = { value: 10n ** 13n, params: cbor(idAddress(sp.id)) };
    const paid = await devnet.sendAs(sp.worker, 'f05', ADD_BALANCE, collateral.params, `${collateral.value}`);
    assert.equal(paid.ExitCode, 0);

    const other = Buffer.from(proposal);
    other[other.indexOf('mars.jpg')] ^= 1;
    assert.equal(await publish(other), NO_DEAL_IS_VALID);
    assert.equal(await client.status(id), PROPOSED);

    assert.equal(await publish(proposal), 0);
    assert.equal(await client.status(id), PUBLISHED);
    assert.equal(await publish(proposal), NO_DEAL_IS_VALID);
    await assert.rejects(client.cancel.staticCall(id), /UnknownProposal/);
  });

  it('takes a proposal back', { timeout: 120_000 }, async () => {
    const id = await propose(await terms(newPiece(), { provider: sp.id }));
    const proposal = Buffer.from((await client.getDealProposal(id)).slice(2), 'hex');
    await (await client.cancel(id)).wait();
    assert.equal(await client.status(id), CANCELLED);
    assert.equal(await publish(proposal), NO_DEAL_IS_VALID);
  });

  it('gives its owner what no deal locks, and nobody else', { timeout: 120_000 }, async () => {
    const [balance, locked] = await client.escrow();
    const to = Wallet.createRandom().address;
    await assert.rejects(stranger.withdraw.staticCall(to, 1n), /NotTheOwner/);
    // More than there is gives all there is.
    await (await client.withdraw(to, balance)).wait();
    assert.equal(await ethers.getBalance(to), balance - locked);
    assert.deepEqual([...(await client.escrow())], [locked, locked]);
  });

  it('does not promise what it has no money for', { timeout: 120_000 }, async () => {
    const wanted = await terms(newPiece(), { pricePerEpoch: parseEther('1') });
    const extra = { location_ref: '', car_size: 0, skip_ipni_announce: true, remove_unsealed_copy: false };
    await assert.rejects(client.propose.staticCall(wanted, extra), /NotEnoughEscrow/);
  });
});
