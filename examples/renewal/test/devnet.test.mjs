// A file that stays: on a devnet, half a year passes, and the next deal takes over in time.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';

import { Contract, ContractFactory, JsonRpcProvider, NonceManager, Wallet, ZeroHash, parseEther } from 'ethers';

import { DAY, Devnet, HALF_YEAR, keys, url } from '../../lib/devnet.mjs';
import { pieceOf } from '../../lib/piece.mjs';

const { abi, bytecode } = JSON.parse(readFileSync(new URL('../out/Evergreen.sol/Evergreen.json', import.meta.url)));
const [ACTIVE, ENDED] = [5n, 6n];
const WINDOW = 10 * DAY;
const REWARD = parseEther('0.1');

describe('a contract that keeps a file stored', () => {
  const devnet = new Devnet(url);
  const piece = pieceOf(randomBytes(1_900));
  let ethers, sp, evergreen, poker, first, second;

  const renew = async () => {
    await (await poker.renew()).wait();
    return evergreen.pending();
  };
  const becomesActive = (id) =>
    devnet.until('an active deal', async () => (await evergreen.status(id)) === ACTIVE);

  before(async () => {
    ethers = new JsonRpcProvider(url, undefined, { cacheTimeout: -1 });
    ethers.pollingInterval = 50;
    sp = await devnet.provider();
    await sp.put(piece);
    const { ask } = await sp.request('GET', '/');
    // Whoever takes the next deal gets the bytes from who has the present one.
    const file = {
      pieceCid: piece.cidBytes,
      pieceSize: piece.size,
      label: 'mars.jpg',
      url: `${sp.url}/piece/${piece.cid}`,
      carSize: piece.bytes.length,
    };
    const policy = {
      provider: 0,
      duration: HALF_YEAR,
      lead: 2 * DAY,
      window: WINDOW,
      pricePerEpoch: (BigInt(ask.price_per_gib_epoch) * 2_048n) / (1n << 30n) + 1n,
      providerCollateral: 10n ** 12n,
      reward: REWARD,
    };
    const giver = new NonceManager(new Wallet(keys[0], ethers));
    const made = await new ContractFactory(abi, bytecode, giver).deploy(file, policy, { value: parseEther('1') });
    await made.waitForDeployment();
    evergreen = new Contract(await made.getAddress(), abi, giver);
    poker = evergreen.connect(new NonceManager(new Wallet(keys[1], ethers)));
  });
  after(() => ethers?.destroy());

  it('is stored once somebody pokes it, and pays for that', { timeout: 300_000 }, async () => {
    assert.equal(await evergreen.due(), true);
    first = await renew();
    assert.equal(await evergreen.due(), false);
    await assert.rejects(poker.renew.staticCall(), /NotDue/);
    await becomesActive(first);
    assert.deepEqual([await evergreen.current(), await evergreen.pending()], [first, ZeroHash]);

    const who = await poker.runner.getAddress();
    assert.equal(await evergreen.rewardOf(who), REWARD);
    const before = await ethers.getBalance(evergreen);
    await (await poker.collect()).wait();
    assert.equal(await ethers.getBalance(evergreen), before - REWARD);
    await assert.rejects(poker.collect.staticCall(), /NothingToCollect/);
  });

  it('is renewed before the deal ends', { timeout: 1_200_000 }, async () => {
    const { dealId, terms } = await evergreen.proposal(first);
    const end = Number(terms.endEpoch);
    // A provider that is most of a small network pays a deposit for a new sector that follows its
    // share of all rewards: by then millions of FIL, which its owner has.
    const { Owner } = await devnet.call('Filecoin.StateMinerInfo', sp.miner, []);
    const deposit = await devnet.sendAs(Owner, sp.miner, 0, Buffer.alloc(0), `${parseEther('50000000')}`);
    assert.equal(deposit.ExitCode, 0);
    await devnet.advance(end - WINDOW - (await devnet.epoch()) - 10);
    assert.equal(await evergreen.due(), false);
    await devnet.advance(10);
    assert.equal(await evergreen.due(), true);
    second = await renew();
    await becomesActive(second);
    assert.equal(await evergreen.status(first), ACTIVE);
    const next = await evergreen.proposal(second);
    assert.ok(next.dealId !== dealId && next.terms.startEpoch < terms.endEpoch);

    await devnet.advance(end + 1 - (await devnet.epoch()));
    assert.deepEqual([await evergreen.status(first), await evergreen.status(second)], [ENDED, ACTIVE]);
    assert.equal(await evergreen.due(), false);
  });
});
